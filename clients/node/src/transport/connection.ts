// The connection to the collector: address, TLS, token and deadlines in one place.
import { readFile, stat } from "node:fs/promises";
import path from "node:path";

import { type DescMethodUnary, fromJson, type JsonValue, toJson } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";

import type { Settings } from "../config.js";
import {
  SpanService, StoreArtifactRequestSchema, StoreArtifactResponseSchema,
} from "../gen/livespan/v1/span_service_pb.js";
import { TraceQuery } from "../gen/livespan/v1/trace_query_pb.js";
import type { Question } from "./messages.js";

/** The most that one call carries; the collector takes no more. */
const MAX_ARTIFACT_BYTES = 4 * 1024 * 1024;

/** A collector to talk to; nothing is connected until the first call. */
export class Connection {
  /** The way in. */
  readonly spans: Client<typeof SpanService>;
  private readonly transport: Transport;

  constructor(private readonly settings: Settings) {
    const token: Interceptor = (next) => (request) => {
      if (settings.token !== undefined) {
        request.header.set("authorization", `Bearer ${settings.token}`);
      }
      return next(request);
    };
    this.transport = createGrpcTransport({
      baseUrl: settings.server,
      interceptors: [token],
      nodeOptions: settings.tlsCa === undefined ? {} : { ca: settings.tlsCa },
      // A collector whose machine vanished looks merely quiet without it.
      pingIntervalMs: 20_000,
      pingTimeoutMs: 10_000,
      pingIdleConnection: true,
    });
    this.spans = createClient(SpanService, this.transport);
  }

  /** Asks one question; the answer is JSON with the proto's names. */
  async ask(question: Question): Promise<unknown> {
    const options = { timeoutMs: this.settings.timeoutMs };
    if (question.method === "storeArtifact") {
      const request = fromJson(StoreArtifactRequestSchema, question.request as JsonValue);
      request.content = question.content ?? (await bytesOf(question.file ?? ""));
      if (question.file !== undefined && request.fileName === "") {
        request.fileName = path.basename(question.file);
      }
      const stored = await this.spans.storeArtifact(request, options);
      return toJson(StoreArtifactResponseSchema, stored, { useProtoFieldName: true });
    }
    const method: DescMethodUnary = TraceQuery.method[question.method];
    const request = fromJson(method.input, question.request as JsonValue);
    const answer = await this.transport.unary(
      method, undefined, options.timeoutMs, undefined, request,
    );
    return toJson(method.output, answer.message, {
      useProtoFieldName: true,
      alwaysEmitImplicit: true,
    });
  }
}

/** An error's gRPC code by name, and what it says. */
export function told(error: unknown): { code: string; message: string } {
  const { code, rawMessage } = ConnectError.from(error);
  return { code: Code[code].replace(/(?<=.)[A-Z]/g, "_$&").toUpperCase(), message: rawMessage };
}

async function bytesOf(file: string): Promise<Uint8Array> {
  const { size } = await stat(file);
  if (size > MAX_ARTIFACT_BYTES) {
    throw new ConnectError(
      `${file} has ${size} bytes; an artifact has at most ${MAX_ARTIFACT_BYTES}`,
      Code.InvalidArgument,
    );
  }
  return readFile(file);
}
