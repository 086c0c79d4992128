// One run: where it stands, where it is stuck, why it failed; its steps as a timeline,
// a list, a graph, or beside another attempt's.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { lazy, Suspense, useCallback, useMemo } from "react";
import { ApiProblem } from "../../api/client";
import { lastAlive } from "../../api/queries";
import { type RunSearch, VIEWS } from "../../app/search";
import { useTitle } from "../../app/shell";
import { useTexts } from "../../i18n/language";
import { keyOf, type Step } from "../../spans/step";
import { Answered, Empty, Loading } from "../../ui/states";
import { Attempts } from "./attempts";
import { Details } from "./details";
import { Gantt } from "./gantt";
import { RunHeader } from "./run_header";
import { StepList } from "./step_list";
import { StuckHere, WhyFailed } from "./verdicts";
import { useRun } from "./use_run";

// The graph's library is as large as all the rest of the page.
const Graph = lazy(() => import("./graph").then((module) => ({ default: module.Graph })));

export function Run() {
  const texts = useTexts();
  const { runId } = useParams({ from: "/runs/$runId" });
  const search = useSearch({ from: "/runs/$runId" });
  const navigate = useNavigate({ from: "/runs/$runId" });
  const { summary, steps, loadMore } = useRun(runId);
  const last = useQuery({ ...lastAlive(runId), enabled: summary.data?.status === "RUNNING", placeholderData: keepPreviousData });
  useTitle(summary.data?.root_step_name ?? "");

  const change = useCallback((changes: RunSearch) => void navigate({ search: (now) => ({ ...now, ...changes }), replace: true }), [navigate]);
  const select = useCallback((id: string | null) => void navigate({ search: (now) => withSpan(now, id), replace: true }), [navigate]);

  if (summary.error instanceof ApiProblem && (summary.error.status === 404 || summary.error.status === 400)) {
    return (
      <div className="panel py-10">
        <Empty>
          <h1 className="mb-1 text-lg font-semibold text-ink">{texts.run.notFound}</h1>
          <p>{texts.run.notFoundHint}</p>
          <p className="mt-2 font-mono text-xs break-all">{runId}</p>
        </Empty>
      </div>
    );
  }
  const view = search.view ?? "timeline";
  const stuckAt = summary.data?.status === "RUNNING" && last.data?.is_stuck === true ? (last.data.last_alive_span ?? null) : null;
  return (
    <div className="flex flex-col gap-4">
      <Answered of={summary} rows={2}>
        {(run) => (
          <>
            <RunHeader run={run} />
            {stuckAt && <StuckHere span={stuckAt} steps={steps.data?.steps ?? []} onSelect={select} />}
            {run.status === "FAILED" && <WhyFailed run={run} onSelect={select} />}
          </>
        )}
      </Answered>
      <Tabs view={view} onChange={(chosen) => change({ view: chosen })} />
      <Answered of={steps} rows={10}>
        {({ steps: all, isWhole }) => (
          <div role="tabpanel" id="view" aria-labelledby={`tab-${view}`} className="flex min-w-0 items-start gap-4">
            <div className="flex min-w-0 flex-1 flex-col gap-2">
              <View view={view} runId={runId} steps={all} search={search} isStuck={stuckAt !== null} onChange={change} onSelect={select} taskId={summary.data?.task_id ?? ""} retryOf={summary.data?.retry_of ?? ""} />
              {!isWhole && view !== "graph" && (
                <p className="text-center text-ink-2">
                  {texts.run.truncated(all.length)}{" "}
                  <button type="button" className="link" disabled={steps.isFetching} onClick={loadMore}>
                    {texts.run.loadMore}
                  </button>
                </p>
              )}
            </div>
            <Selected steps={all} id={search.span} onClose={() => select(null)} />
          </div>
        )}
      </Answered>
    </div>
  );
}

function withSpan({ view, q, with: beside }: RunSearch, span: string | null): RunSearch {
  return { ...(view ? { view } : {}), ...(q ? { q } : {}), ...(beside ? { with: beside } : {}), ...(span ? { span } : {}) };
}

function Tabs({ view, onChange }: { view: (typeof VIEWS)[number]; onChange: (view: (typeof VIEWS)[number]) => void }) {
  const texts = useTexts();
  const step = (by: number) => onChange(VIEWS[(VIEWS.indexOf(view) + by + VIEWS.length) % VIEWS.length] ?? "timeline");
  return (
    <div
      role="tablist"
      aria-label={texts.run.viewsLabel}
      className="flex gap-1 border-b border-line"
      onKeyDown={(event) => {
        if (event.key !== "ArrowRight" && event.key !== "ArrowLeft") return;
        step(event.key === "ArrowRight" ? 1 : -1);
        // The focus goes with the choice.
        requestAnimationFrame(() => document.querySelector<HTMLElement>("[role=tab][aria-selected=true]")?.focus());
      }}
    >
      {VIEWS.map((one) => (
        <button
          key={one}
          type="button"
          role="tab"
          id={`tab-${one}`}
          aria-selected={one === view}
          aria-controls="view"
          tabIndex={one === view ? 0 : -1}
          className="-mb-px border-b-2 border-transparent px-3 py-1.5 font-medium text-ink-2 hover:text-ink aria-selected:border-accent aria-selected:text-ink max-sm:px-2"
          onClick={() => onChange(one)}
        >
          {texts.run.views[one]}
        </button>
      ))}
    </div>
  );
}

interface ViewProps {
  view: (typeof VIEWS)[number];
  runId: string;
  taskId: string;
  retryOf: string;
  steps: Step[];
  search: RunSearch;
  isStuck: boolean;
  onChange: (changes: RunSearch) => void;
  onSelect: (id: string | null) => void;
}

function View({ view, runId, taskId, retryOf, steps, search, isStuck, onChange, onSelect }: ViewProps) {
  const texts = useTexts();
  if (steps.length === 0) {
    return (
      <div className="panel">
        <Empty>{texts.run.noSteps}</Empty>
      </div>
    );
  }
  const selected = search.span === undefined ? null : keyOf(search.span);
  if (view === "list") return <StepList steps={steps} selected={selected} isStuck={isStuck} onSelect={onSelect} />;
  if (view === "attempts") return <Attempts runId={runId} taskId={taskId} retryOf={retryOf} steps={steps} beside={search.with} onChange={(other) => onChange({ with: other })} onSelect={onSelect} />;
  if (view === "graph") {
    return (
      <Suspense fallback={<Loading rows={6} />}>
        <Graph runId={runId} count={steps.length} selected={selected} onSelect={onSelect} />
      </Suspense>
    );
  }
  return <Gantt steps={steps} query={search.q ?? ""} selected={selected} isStuck={isStuck} onQuery={(q) => onChange({ q })} onSelect={onSelect} />;
}

function Selected({ steps, id, onClose }: { steps: Step[]; id: string | undefined; onClose: () => void }) {
  const step = useMemo(() => (id === undefined ? undefined : steps.find((one) => one.key === keyOf(id))), [steps, id]);
  return step ? <Details key={step.key} step={step} onClose={onClose} /> : null;
}
