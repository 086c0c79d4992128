// When a running span gives a sign of life, by a clock that the test turns.
import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { fromBinary } from "@bufbuild/protobuf";

import { StreamSpansRequestSchema } from "../src/gen/livespan/v1/span_service_pb.js";
import { Heartbeats } from "../src/transport/heartbeats.js";

const SPAN = { run_id: "r", span_id: "s", intervalMs: 1_000 };

let said: { at: number; current: number | undefined; perishable: boolean }[];
let heartbeats: Heartbeats;
let isAway: boolean;

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: 0 });
  said = [];
  isAway = false;
  heartbeats = new Heartbeats((event, perishable) => {
    if (isAway) {
      return false;
    }
    const heartbeat = fromBinary(StreamSpansRequestSchema, event).event;
    assert.equal(heartbeat.case, "heartbeat");
    said.push({ at: Date.now(), current: heartbeat.value.progress?.current, perishable });
    return true;
  });
  heartbeats.begin(SPAN);
});

test("a quiet span gives one sign of life an interval, until its end", () => {
  for (let step = 0; step < 35; step += 1) {
    mock.timers.tick(100);
  }
  assert.deepEqual(said.map(({ at }) => at), [1_000, 2_000, 3_000]);
  heartbeats.end("s");
  mock.timers.tick(5_000);
  assert.equal(said.length, 3);
});

test("progress is said at once, then at most every 0.8 of the interval, the latest alone", () => {
  for (let current = 1; current <= 200; current += 1) {
    heartbeats.progress("s", { current });
    mock.timers.tick(10);
  }
  assert.deepEqual(said.map(({ at, current }) => [at, current]), [[0, 1], [800, 80], [1_600, 160]]);
});

test("the last progress is told with the end, and outlives an absent collector", () => {
  heartbeats.progress("s", { current: 1 });
  heartbeats.progress("s", { current: 2 });
  heartbeats.end("s");
  assert.deepEqual(said.at(-1), { at: 0, current: 2, perishable: false });
});

test("what an absent collector did not take is said when it is back", () => {
  isAway = true;
  heartbeats.progress("s", { current: 7 });
  mock.timers.tick(2_500);
  assert.deepEqual(said, []);
  isAway = false;
  heartbeats.beatAll();
  assert.deepEqual(said, [{ at: 2_500, current: 7, perishable: true }]);
});
