// The questions that pages ask, each with how often it is asked again.
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { type RunFilter, runParameters, type WindowName, WINDOWS } from "../filters/runs";
import { pollMs } from "../live/connection";
import { toStep } from "../spans/step";
import { api, bodyOf } from "./client";

/** What is running moves by itself, and becomes stuck by nothing happening: asked for more often than told. */
const LIVELY_MS = 5_000;
/** How many steps of a run are read at once. */
export const STEPS_A_PAGE = 20_000;

const windowText = (window: WindowName) => `${WINDOWS[window]}s`;

export const stuckRuns = queryOptions({
  queryKey: ["stuck"],
  queryFn: ({ signal }) => bodyOf(api.GET("/api/v1/stuck", { params: { query: { page_size: 100 } }, signal })),
  refetchInterval: () => Math.min(10_000, pollMs()),
});

export const activeRuns = queryOptions({
  queryKey: ["active"],
  queryFn: ({ signal }) => bodyOf(api.GET("/api/v1/runs/active", { params: { query: { page_size: 50 } }, signal })),
  refetchInterval: LIVELY_MS,
});

export const recentRuns = queryOptions({
  queryKey: ["runs", "recent"],
  queryFn: ({ signal }) => bodyOf(api.GET("/api/v1/runs", { params: { query: { page_size: 15 } }, signal })),
  refetchInterval: pollMs,
});

export const failureTrend = (window: WindowName) =>
  queryOptions({
    queryKey: ["failures", "trend", window],
    queryFn: ({ signal }) =>
      bodyOf(api.GET("/api/v1/failures/trend", { params: { query: { window: windowText(window), buckets: 32 } }, signal })),
    refetchInterval: pollMs,
    placeholderData: keepPreviousData,
  });

export const topFailures = (window: WindowName) =>
  queryOptions({
    queryKey: ["failures", "top", window],
    queryFn: ({ signal }) =>
      bodyOf(api.GET("/api/v1/failures/top", { params: { query: { window: windowText(window), page_size: 200 } }, signal })),
    refetchInterval: pollMs,
    placeholderData: keepPreviousData,
  });

export interface SiteFilter {
  window: WindowName;
  kind?: RunFilter["kind"];
  code?: string | undefined;
  host?: string | undefined;
}

export const failureSites = (filter: SiteFilter) =>
  queryOptions({
    queryKey: ["failures", "sites", filter],
    queryFn: ({ signal }) => {
      const query = {
        window: windowText(filter.window),
        page_size: 200,
        ...(filter.kind ? { reason_kind: filter.kind } : {}),
        ...(filter.code ? { reason_code: filter.code } : {}),
        ...(filter.host ? { executor_host: filter.host } : {}),
      };
      return bodyOf(api.GET("/api/v1/failures/sites", { params: { query }, signal }));
    },
    refetchInterval: pollMs,
    placeholderData: keepPreviousData,
  });

export const hosts = (window: WindowName) =>
  queryOptions({
    queryKey: ["hosts", window],
    queryFn: ({ signal }) => bodyOf(api.GET("/api/v1/hosts", { params: { query: { window: windowText(window) } }, signal })),
    refetchInterval: 10_000,
    placeholderData: keepPreviousData,
  });

export const runList = (filter: RunFilter) =>
  infiniteQueryOptions({
    queryKey: ["runs", "list", filter],
    queryFn: ({ signal, pageParam }) => {
      const query = { ...runParameters(filter, Date.now()), page_size: 50, page_token: pageParam };
      return bodyOf(api.GET("/api/v1/runs", { params: { query }, signal }));
    },
    initialPageParam: "",
    getNextPageParam: (page) => (page.next_page_token === "" ? undefined : page.next_page_token),
    // All that was scrolled to would be asked for again.
    refetchInterval: ({ state }) => ((state.data?.pages.length ?? 1) > 1 ? false : pollMs()),
    placeholderData: keepPreviousData,
  });

const ofRun = (run_id: string) => ({ path: { run_id } });

export const runSummary = (runId: string) =>
  queryOptions({
    queryKey: ["run", runId, "summary"],
    queryFn: ({ signal }) => bodyOf(api.GET("/api/v1/runs/{run_id}/summary", { params: ofRun(runId), signal })),
    refetchInterval: pollMs,
  });

export const lastAlive = (runId: string) =>
  queryOptions({
    queryKey: ["run", runId, "last-alive"],
    queryFn: ({ signal }) => bodyOf(api.GET("/api/v1/runs/{run_id}/last-alive", { params: ofRun(runId), signal })),
    refetchInterval: 10_000,
  });

export const runGraph = (runId: string) =>
  queryOptions({
    queryKey: ["run", runId, "graph"],
    queryFn: ({ signal }) => bodyOf(api.GET("/api/v1/runs/{run_id}/graph", { params: ofRun(runId), signal })),
    refetchInterval: pollMs,
  });

export const attemptsOf = (taskId: string) =>
  queryOptions({
    queryKey: ["runs", "attempts", taskId],
    queryFn: ({ signal }) =>
      bodyOf(api.GET("/api/v1/runs", { params: { query: { task_id: taskId, page_size: 50 } }, signal })),
    refetchInterval: pollMs,
  });

/** The steps of a run, of so many pages. */
export const timeline = (runId: string, pages = 1) =>
  queryOptions({
    queryKey: ["run", runId, "timeline", pages],
    queryFn: async ({ signal }) => {
      const steps = [];
      let token = "";
      for (let page = 0; page < pages; page += 1) {
        const query = { page_size: STEPS_A_PAGE, page_token: token };
        const answer = await bodyOf(
          api.GET("/api/v1/runs/{run_id}/timeline", { params: { ...ofRun(runId), query }, signal }),
        );
        for (const span of answer.spans) steps.push(toStep(span));
        token = answer.next_page_token;
        if (token === "") break;
      }
      return { steps, isWhole: token === "" };
    },
    // A large run is not compared step by step with what was there before.
    structuralSharing: false,
    gcTime: 60_000,
  });
