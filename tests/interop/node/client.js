// Sends the trace of ../expectation.rs by OpenTelemetry's SDK for Node.

import { readFile } from 'node:fs/promises';
import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  context,
  createTraceState,
  propagation,
  trace,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter as GrpcExporter } from '@opentelemetry/exporter-trace-otlp-grpc';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { defaultResource, detectResources, envDetector } from '@opentelemetry/resources';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';

// Each reads all other variables by itself.
const Exporter = {
  grpc: GrpcExporter,
  'http/protobuf': ProtobufExporter,
  'http/json': JsonExporter,
}[process.env.OTEL_EXPORTER_OTLP_PROTOCOL];

const provider = new TracerProvider({
  resource: defaultResource().merge(detectResources({ detectors: [envDetector] })),
  spanProcessors: [new BatchSpanProcessor({ exporter: new Exporter() })],
});
trace.setGlobalTracerProvider(provider);
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
propagation.setGlobalPropagator(new W3CTraceContextPropagator());

const tracer = trace.getTracer('checkout-scope', '1.2.3');

/** The trace; returns its id. */
async function checkout() {
  const parent = propagation.extract(ROOT_CONTEXT, { traceparent: process.env.TRACEPARENT });
  return tracer.startActiveSpan('checkout', { kind: SpanKind.SERVER }, parent, async (span) => {
    span.setAttributes({
      text: 'naïve 渲染',
      yes: true,
      // A number of JavaScript, so the nearest that there is: …992.
      big: Number('9007199254740993'),
      negative: -7,
      ratio: 1.5,
      nan: NaN,
      texts: ['a', 'ü'],
      truths: [true, false],
      counts: [1, -2],
      ratios: [0.5, 2.25],
      empty: [],
      'gen_ai.agent.name': 'caramel',
      password: 'hunter2',
      'livespan.task_id': 'order-42',
    });
    await chargeCard();
    span.end();
    return span.spanContext().traceId;
  });
}

async function chargeCard() {
  const firstTry = {
    traceId: '0102030405060708090a0b0c0d0e0f10',
    spanId: '0102030405060708',
    traceFlags: TraceFlags.SAMPLED,
    traceState: createTraceState('vendor=1'),
  };
  const options = {
    kind: SpanKind.CLIENT,
    attributes: { 'http.request.resend_count': 1 },
    links: [{ context: firstTry, attributes: { why: 'first try' } }],
  };
  await tracer.startActiveSpan('charge card', options, async (span) => {
    span.addEvent('authorized', { amount: 12.5, currency: 'EUR' });
    await readReceipt();
    span.addEvent('captured', { parts: 2, final: true });
    span.setStatus({ code: SpanStatusCode.OK });
    span.end();
  });
}

async function readReceipt() {
  await tracer.startActiveSpan('read receipt', async (span) => {
    try {
      await readFile('/nowhere/receipt.txt');
    } catch (error) {
      span.recordException(error);
      span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
    } finally {
      span.end();
    }
  });
}

const traceId = await checkout();
// Rejects where the export failed, which ends the program with 1.
await provider.forceFlush();
await provider.shutdown();
console.log(traceId);
