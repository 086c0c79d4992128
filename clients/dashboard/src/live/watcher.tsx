// One stream of changes for the page that is open: of all runs, or of the run that one
// looks at. One and not more, since browsers open six connections to a server.
import { useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useMemo, useRef, useState } from "react";
import { streamIs } from "./connection";
import type { ServerEvent } from "./sse";
import { watch } from "./stream";

/** What a page does with the changes of its stream. */
export interface Watched {
  url: string;
  onEvent: (event: ServerEvent) => void;
}

interface Watcher {
  look: (watched: Watched) => () => void;
}

const Watcher = createContext<Watcher | null>(null);

export function WatcherProvider({ children }: { children: ReactNode }) {
  const [watched, setWatched] = useState<Watched | null>(null);
  const [isLooking, setLooking] = useState(!document.hidden);
  const queries = useQueryClient();

  useEffect(() => {
    const changed = () => setLooking(!document.hidden);
    document.addEventListener("visibilitychange", changed);
    return () => document.removeEventListener("visibilitychange", changed);
  }, []);

  // A page that nobody looks at asks nothing; when it is looked at again, everything.
  const wasHidden = useRef(false);
  useEffect(() => {
    if (!isLooking) wasHidden.current = true;
    else if (wasHidden.current) {
      wasHidden.current = false;
      void queries.invalidateQueries();
    }
  }, [isLooking, queries]);

  useEffect(() => {
    if (!watched || !isLooking) return;
    return watch({ url: watched.url, onEvent: watched.onEvent, onState: streamIs });
  }, [watched, isLooking]);

  const watcher = useMemo<Watcher>(
    () => ({
      look: (next) => {
        setWatched(next);
        return () => setWatched((current) => (current === next ? null : current));
      },
    }),
    [],
  );
  return <Watcher value={watcher}>{children}</Watcher>;
}

/** Watches `url` while the page is open. `onEvent` may change at any time. */
export function useWatch(url: string | null, onEvent: (event: ServerEvent) => void): void {
  const watcher = useContext(Watcher);
  const handler = useRef(onEvent);
  useEffect(() => {
    handler.current = onEvent;
  });
  useEffect(() => {
    if (!watcher || url === null) return;
    return watcher.look({ url, onEvent: (event) => handler.current(event) });
  }, [watcher, url]);
}
