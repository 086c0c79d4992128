// Asks the server. Every answer also says whether the server can be reached, which
// live/connection.ts keeps.
import createClient, { type FetchResponse } from "openapi-fetch";
import { answered, unreachable } from "../live/connection";
import type { paths } from "./schema";

/** An answer that is no success, in the server's words. */
export class ApiProblem extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

async function observed(request: Request): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(request);
  } catch (problem) {
    // One that the page itself broke off says nothing of the server.
    if (!request.signal.aborted) unreachable();
    throw problem;
  }
  // A proxy answers so for a server that is gone.
  if (response.status >= 502 && response.status <= 504) unreachable();
  else answered(Date.now());
  return response;
}

export const api = createClient<paths>({ baseUrl: "", fetch: observed });

/** The body of an answer. */
export async function bodyOf<Operation extends Record<string | number, unknown>, Init>(
  answer: Promise<FetchResponse<Operation, Init, `${string}/${string}`>>,
): Promise<NonNullable<FetchResponse<Operation, Init, `${string}/${string}`>["data"]>> {
  const { data, error, response } = await answer;
  if (data !== undefined && data !== null) return data;
  throw new ApiProblem(response.status, messageOf(error) ?? `${response.status} ${response.statusText}`);
}

function messageOf(error: unknown): string | null {
  if (typeof error !== "object" || error === null || !("message" in error)) return null;
  return typeof error.message === "string" && error.message !== "" ? error.message : null;
}
