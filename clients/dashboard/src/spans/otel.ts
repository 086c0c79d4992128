// What OpenTelemetry says of a step beside its attributes: the events, and the rest.

export interface StepEvent {
  name: string;
  /** Milliseconds since 1970. */
  at: number | null;
  attributes: unknown;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Nanoseconds since 1970 are past what a number holds exactly; the server writes such as text. */
function milliseconds(nanoseconds: unknown): number | null {
  const number = typeof nanoseconds === "string" || typeof nanoseconds === "number" ? Number(nanoseconds) : Number.NaN;
  return Number.isFinite(number) && number > 0 ? number / 1e6 : null;
}

export function eventsOf(otel: unknown): StepEvent[] {
  const events = isObject(otel) ? otel["events"] : null;
  if (!Array.isArray(events)) return [];
  return events.filter(isObject).map((event) => ({
    name: typeof event["name"] === "string" ? event["name"] : "",
    at: milliseconds(event["time_unix_nano"]),
    attributes: event["attributes"] ?? null,
  }));
}

export function withoutEvents(otel: unknown): unknown {
  if (!isObject(otel)) return otel;
  return Object.fromEntries(Object.entries(otel).filter(([name]) => name !== "events"));
}
