// The worker thread: heartbeats, the queue and the connection, away from the
// program's own work. Started by reporter.ts; ends with the process.
import { parentPort, workerData } from "node:worker_threads";

import { Connection, told } from "./connection.js";
import { Courier } from "./courier.js";
import { Heartbeats } from "./heartbeats.js";
import { CLOSED, type FromWorker, QUEUED_BYTES, type ToWorker, type WorkerStart } from "./messages.js";
import { Outbox } from "./outbox.js";
import { TOUCH_INTERVAL_MS } from "./spool.js";

/** While the collector is away events wait this long for others, to be written to disk together. */
const SPILL_MS = 50;
/** As much in memory goes to disk even while the collector is there. */
const SPILL_SHARE = 0.5;

const { settings, shared: buffer } = workerData as WorkerStart;
const shared = new Int32Array(buffer);
const port = parentPort;
if (!port) {
  throw new Error("this file is the worker of the livespan SDK");
}

const connection = new Connection(settings);
const outbox = new Outbox(settings, shared);
const heartbeats = new Heartbeats((event, perishable) => {
  // A sign of life is worth nothing to a collector that is away.
  if (perishable && !courier.isUp && !opening) {
    return false;
  }
  Atomics.add(shared, QUEUED_BYTES, event.length);
  enqueue(event, perishable);
  return true;
});
let opening = false;
const courier = new Courier(
  connection, outbox, settings.timeoutMs,
  () => {
    if (!courier.isUp) {
      opening = true;
      heartbeats.beatAll();
      opening = false;
    }
  },
  () => settleWaiters(),
);

let spilling: NodeJS.Timeout | undefined;

function enqueue(event: Uint8Array, perishable: boolean): void {
  outbox.push(event, perishable);
  if (Atomics.load(shared, QUEUED_BYTES) > settings.queueBytes * SPILL_SHARE) {
    outbox.spill();
  } else if (!courier.isUp && !perishable) {
    spilling ??= setTimeout(() => {
      spilling = undefined;
      if (!courier.isUp) {
        outbox.spill();
      }
    }, SPILL_MS);
  }
  courier.nudge();
}

/** Those who wait for everything to be delivered. */
const waiters = new Set<() => void>();

function settleWaiters(): void {
  [...waiters].forEach((waiter) => waiter());
}

/** Waits for everything to be delivered, at most so long. */
function delivered(timeoutMs: number, giveUpWhenDown: boolean): Promise<boolean> {
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      waiters.delete(check);
      resolve(courier.isIdle);
    };
    const check = () => {
      if (courier.isIdle || (giveUpWhenDown && !courier.isUp)) {
        finish();
      }
    };
    const timer = setTimeout(finish, timeoutMs);
    waiters.add(check);
    check();
  });
}

function reply(message: FromWorker): void {
  port?.postMessage(message);
}

port.on("message", (message: ToWorker) => {
  switch (message.type) {
    case "event":
      if (message.end !== undefined) {
        heartbeats.end(message.end);
      }
      if (message.begin) {
        heartbeats.begin(message.begin);
      }
      enqueue(message.bytes, false);
      break;
    case "progress":
      heartbeats.progress(message.span_id, message.progress);
      break;
    case "ask":
      connection.ask(message.question).then(
        (answer) => reply({ id: message.id, answer }),
        (error: unknown) => reply({ id: message.id, error: told(error) }),
      );
      break;
    case "flush":
      void delivered(message.timeoutMs, false).then((answer) => reply({ id: message.id, answer }));
      break;
    case "close":
      // A collector that is known to be away is not waited for: the disk keeps it.
      void delivered(message.timeoutMs, true).then(() => {
        courier.stop();
        outbox.close();
        Atomics.store(shared, CLOSED, 1);
        Atomics.notify(shared, CLOSED);
      });
  }
});

outbox.adopt();
setInterval(() => {
  outbox.touch();
  outbox.adopt();
  courier.nudge();
}, TOUCH_INTERVAL_MS).unref();
void courier.run(() => !outbox.isEmpty || heartbeats.count > 0);
