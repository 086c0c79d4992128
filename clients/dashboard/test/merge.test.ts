// Changes that a stream tells, put into what is known.
import { describe, expect, it } from "vitest";
import type { Artifact } from "../src/api/types";
import { Changes } from "../src/spans/merge";
import { eventsOf, withoutEvents } from "../src/spans/otel";
import { keyOf, toStep } from "../src/spans/step";
import { id, key, span, step } from "./step";

const artifact = (name: string, of: number): Artifact => ({
  artifact_id: name, run_id: id(0), span_id: id(of), artifact_type: "log", file_name: `${name}.txt`, content_type: "text/plain",
  size_bytes: "5", sha256: "", storage_backend: "local", created_at: null, expires_at: null,
});

describe("changes of a run", () => {
  it("replace a step that is told whole, and add one that is new", () => {
    const changes = new Changes();
    changes.span(span(1, { status: "SUCCESS", ts_end: "2026-11-25T07:10:05Z" }));
    changes.span(span(2));
    const [first, second] = changes.applyTo([step(1, { status: "RUNNING", end: null })]);
    expect(first).toMatchObject({ status: "SUCCESS", end: Date.parse("2026-11-25T07:10:05Z") });
    expect(second).toMatchObject({ key: key(2), status: "RUNNING" });
  });

  it("move a running step's progress by a sign of life", () => {
    const changes = new Changes();
    changes.lifeSign({ span_id: id(1), heartbeat_ts: "2026-11-25T07:10:09Z", progress: { current: 3, total: 4, note: "pages" } });
    const [moved] = changes.applyTo([step(1, { status: "RUNNING", end: null })]);
    expect(moved).toMatchObject({ heard: Date.parse("2026-11-25T07:10:09Z"), progress: { current: 3, total: 4, note: "pages" } });
  });

  it("never revive a step that has ended", () => {
    const changes = new Changes();
    changes.lifeSign({ span_id: id(1), heartbeat_ts: "2026-11-25T07:10:09Z", progress: null });
    const ended = step(1);
    expect(changes.applyTo([ended])[0]).toBe(ended);
  });

  it("move the mark of the last-alive step", () => {
    const changes = new Changes();
    changes.lastAliveKey = key(2);
    expect(changes.applyTo([step(1, { isLastAlive: true }), step(2)]).map((one) => one.isLastAlive)).toEqual([false, true]);
  });

  it("add an artifact once", () => {
    const changes = new Changes();
    changes.artifact(artifact("a", 1));
    changes.artifact(artifact("b", 1));
    const [with2] = changes.applyTo([step(1, { artifacts: [artifact("a", 1)] })]);
    expect(with2?.artifacts.map((one) => one.artifact_id)).toEqual(["a", "b"]);
  });

  it("leave what has not changed as the same object", () => {
    const changes = new Changes();
    expect(changes.isEmpty).toBe(true);
    changes.span(span(1));
    const other = step(2);
    expect(changes.applyTo([step(1), other])[1]).toBe(other);
    expect(changes.isEmpty).toBe(false);
  });
});

describe("a span", () => {
  it("becomes a step with instants as numbers and absent things absent", () => {
    expect(toStep(span(1, { parent_span_id: id(7), attempt: 0, ts_start: null }))).toMatchObject({ parentKey: key(7), attempt: 1, start: null, end: null, error: null });
    expect(keyOf("0AF76519-16CD-43DD-8448-EB211C80319C")).toBe("8448eb211c80319c");
  });

  it("has the events of OpenTelemetry apart from the rest of it", () => {
    const otel = { kind: "CLIENT", events: [{ name: "exception", time_unix_nano: "1795590603120000000", attributes: { a: 1 } }, "nonsense", { time_unix_nano: 0 }] };
    expect(eventsOf(otel)).toEqual([{ name: "exception", at: 1_795_590_603_120, attributes: { a: 1 } }, { name: "", at: null, attributes: null }]);
    expect(withoutEvents(otel)).toEqual({ kind: "CLIENT" });
    for (const odd of [null, 7, "text", [], { events: 7 }]) expect(eventsOf(odd)).toEqual([]);
  });
});
