// The page's clock: one timer for all ages that tick, at rest while nobody looks.
import { useSyncExternalStore } from "react";

let now = Date.now();
let timer: ReturnType<typeof setInterval> | null = null;
const listeners = new Set<() => void>();

function tick() {
  now = Date.now();
  listeners.forEach((listener) => listener());
}

function visibilityChanged() {
  if (timer !== null) clearInterval(timer);
  timer = null;
  if (listeners.size > 0 && !document.hidden) {
    tick();
    timer = setInterval(tick, 1000);
  }
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (listeners.size === 1) {
    now = Date.now();
    document.addEventListener("visibilitychange", visibilityChanged);
    timer = document.hidden ? null : setInterval(tick, 1000);
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      document.removeEventListener("visibilitychange", visibilityChanged);
      if (timer !== null) clearInterval(timer);
      timer = null;
    }
  };
}

/** The time in milliseconds, anew each second. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}
