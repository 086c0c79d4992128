// A run as the page shows it: read once, then kept true by the stream of its changes,
// or read again every 10 s where there is no stream.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import { runSummary, timeline } from "../../api/queries";
import type { Artifact, Span } from "../../api/types";
import { useConnection } from "../../live/connection";
import { Soon } from "../../live/soon";
import type { ServerEvent } from "../../live/sse";
import { useWatch } from "../../live/watcher";
import { Changes, type LifeSign } from "../../spans/merge";
import { keyOf, type Step } from "../../spans/step";

/** Changes are shown together: a run may tell of thousands a second. */
const SHOW_MS = 200;
const SUMMARY_MS = 1_000;

interface Told {
  run?: { last_alive_span_id?: string };
  span?: Span;
  life_sign?: LifeSign;
  artifact?: Artifact;
}

/** What an event says; nothing where it can't be read. */
function read(event: ServerEvent): Told | null {
  try {
    const message: unknown = JSON.parse(event.data);
    return typeof message === "object" && message !== null ? (message) : null;
  } catch {
    return null;
  }
}

export function useRun(runId: string) {
  const queries = useQueryClient();
  const { stream } = useConnection();
  const [pages, setPages] = useState(1);
  const summary = useQuery(runSummary(runId));
  const isRunning = summary.data?.status === "RUNNING";
  const steps = useQuery({
    ...timeline(runId, pages),
    refetchInterval: isRunning && stream !== "open" ? 10_000 : false,
    placeholderData: (previous) => previous,
  });

  const changes = useRef(new Changes());
  const { queryKey } = timeline(runId, pages);
  const key = useRef(queryKey);
  useEffect(() => {
    key.current = queryKey;
  });
  const show = useMemo(
    () =>
      new Soon(() => {
        const told = changes.current;
        // What is told before the run was read waits for it.
        if (told.isEmpty || !queries.getQueryData(key.current)) return;
        changes.current = new Changes();
        queries.setQueryData<{ steps: Step[]; isWhole: boolean }>(key.current, (data) => data && { ...data, steps: told.applyTo(data.steps) });
      }, SHOW_MS),
    [queries],
  );
  const look = useMemo(
    () =>
      new Soon(() => {
        for (const part of ["summary", "last-alive", "graph"]) void queries.invalidateQueries({ queryKey: ["run", runId, part] });
      }, SUMMARY_MS),
    [queries, runId],
  );
  useEffect(
    () => () => {
      show.stop();
      look.stop();
      changes.current = new Changes();
    },
    [show, look],
  );
  const hasSteps = steps.data !== undefined;
  useEffect(() => {
    if (hasSteps) show.ask();
  }, [hasSteps, show]);

  // The steps of a run that is over don't change; should one still come, polling its
  // summary tells that it runs again.
  useWatch(isRunning ? `/api/v1/runs/${encodeURIComponent(runId)}/watch` : summary.data ? "/api/v1/watch" : null, (event) => {
    if (!isRunning || event.type === "keep_alive" || event.type === "error") return;
    const told = read(event);
    if (!told) return;
    if (told.span) changes.current.span(told.span);
    if (told.life_sign) changes.current.lifeSign(told.life_sign);
    if (told.artifact) changes.current.artifact(told.artifact);
    const lastAlive = told.run?.last_alive_span_id;
    if (lastAlive !== undefined && lastAlive !== "") changes.current.lastAliveKey = keyOf(lastAlive);
    show.ask();
    if (!told.life_sign) look.ask();
  });

  // A run that has just ended is read once more: its last steps may have come in between.
  const wasRunning = useRef(false);
  useEffect(() => {
    if (wasRunning.current && !isRunning) void queries.invalidateQueries({ queryKey: ["run", runId] });
    wasRunning.current = isRunning;
  }, [isRunning, queries, runId]);

  return { summary, steps, loadMore: () => setPages((count) => count + 1) };
}
