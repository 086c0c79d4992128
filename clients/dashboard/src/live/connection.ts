// What the page knows of its server: whether it answers, since when it does not, and
// whether changes come by themselves.
import { useSyncExternalStore } from "react";
import type { StreamState } from "./stream";

export interface Connection {
  stream: StreamState;
  isReachable: boolean;
  /** When the server answered last, by this browser's clock; `null` before the first answer. */
  answeredAt: number | null;
}

let connection: Connection = { stream: "connecting", isReachable: true, answeredAt: null };
const listeners = new Set<() => void>();

function change(changes: Partial<Connection>) {
  const next = { ...connection, ...changes };
  const same = next.stream === connection.stream && next.isReachable === connection.isReachable;
  connection = next;
  // When it answered matters only to those who wait for an answer.
  if (!same) listeners.forEach((listener) => listener());
}

export function answered(at: number): void {
  change({ isReachable: true, answeredAt: at });
}

export function unreachable(): void {
  change({ isReachable: false });
}

export function streamIs(stream: StreamState): void {
  change(stream === "open" ? { stream, isReachable: true, answeredAt: Date.now() } : { stream });
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useConnection(): Connection {
  return useSyncExternalStore(subscribe, () => connection);
}

/** How often to ask, in milliseconds: less where changes come by themselves. */
export function pollMs(): number {
  return connection.stream === "open" ? 30_000 : 10_000;
}
