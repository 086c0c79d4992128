// What fails: one cause, at one step, on one machine, a row.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useMemo } from "react";
import { failureSites, failureTrend } from "../../api/queries";
import type { FailureSite } from "../../api/types";
import type { FailuresSearch } from "../../app/search";
import { useTitle } from "../../app/shell";
import { KINDS } from "../../filters/runs";
import { instant } from "../../format/time";
import { useTexts } from "../../i18n/language";
import { Soon } from "../../live/soon";
import { useWatch } from "../../live/watcher";
import { ReasonBadge, Tag } from "../../ui/badges";
import { CloseIcon } from "../../ui/icons";
import { Answered, Empty } from "../../ui/states";
import { Line } from "../../ui/text";
import { Ago, At } from "../../ui/time";
import { WindowChoice } from "../../ui/window_choice";

export function Failures() {
  const texts = useTexts();
  useTitle(texts.failures.title);
  const search = useSearch({ from: "/failures" });
  const { window = "24h", kind, code, host } = search;
  const sites = useQuery(failureSites({ window, kind: kind === "UNKNOWN" ? undefined : kind, code, host }));
  const queries = useQueryClient();
  const soon = useMemo(() => new Soon(() => void queries.invalidateQueries({ queryKey: ["failures"] }), 2_000), [queries]);
  useEffect(() => () => soon.stop(), [soon]);
  useWatch("/api/v1/watch", (event) => {
    if (event.type !== "keep_alive") soon.ask();
  });
  return (
    <div className="flex flex-col gap-3">
      <h1 className="text-lg font-semibold">{texts.failures.title}</h1>
      <Filters search={search} />
      <div className={`panel overflow-hidden ${sites.isPlaceholderData ? "opacity-60" : ""}`}>
        <Answered of={sites} rows={8}>
          {(answer) => {
            // The API takes UNKNOWN for "all kinds".
            const shown = kind === "UNKNOWN" ? answer.sites.filter((site) => site.reason_kind === "UNKNOWN") : answer.sites;
            return shown.length === 0 ? (
              <Empty>{texts.failures.none}</Empty>
            ) : (
              <ul className="divide-y divide-line">
                {shown.map((site) => (
                  <li key={`${site.fingerprint} ${site.step_name} ${site.executor_host}`}>
                    <Site site={site} />
                  </li>
                ))}
              </ul>
            );
          }}
        </Answered>
      </div>
    </div>
  );
}

function Filters({ search }: { search: FailuresSearch }) {
  const texts = useTexts();
  const navigate = useNavigate({ from: "/failures" });
  const { window = "24h", kind, code, host } = search;
  const trend = useQuery(failureTrend(window));
  const go = (changes: FailuresSearch) => void navigate({ search: changes, replace: true });
  const without = (name: keyof FailuresSearch) =>
    Object.fromEntries(Object.entries(search).filter(([other]) => other !== name)) as FailuresSearch;
  const counts = new Map(trend.data?.kinds.map((one) => [one.reason_kind, one.failure_count]));
  return (
    <div className="flex flex-wrap items-center gap-2">
      <WindowChoice value={window} onChange={(chosen) => go({ ...search, window: chosen })} />
      <div role="radiogroup" aria-label={texts.runs.kind} className="flex max-w-full flex-wrap gap-1">
        {[undefined, ...KINDS].map((one) => (
          <button
            key={one ?? "all"}
            type="button"
            role="radio"
            aria-checked={kind === one}
            className="rounded-md border border-transparent px-2 py-1 text-xs font-medium text-ink-2 hover:bg-raised aria-checked:border-line-strong aria-checked:bg-surface aria-checked:text-ink"
            onClick={() => go(one ? { ...search, kind: one } : without("kind"))}
          >
            {one ?? texts.failures.allKinds}
            {one && counts.has(one) && <span className="numeric ms-1.5 text-ink-3">{counts.get(one)?.toLocaleString()}</span>}
          </button>
        ))}
      </div>
      {code !== undefined && <Chosen label={texts.runs.code} value={code} onClear={() => go(without("code"))} />}
      {host !== undefined && <Chosen label={texts.common.host} value={host} onClear={() => go(without("host"))} />}
    </div>
  );
}

function Chosen({ label, value, onClear }: { label: string; value: string; onClear: () => void }) {
  const texts = useTexts();
  return (
    <span className="inline-flex max-w-60 min-w-0 items-center gap-1 rounded-md border border-line-strong bg-surface ps-2 text-xs">
      <span className="text-ink-3">{label}:</span> <Line text={value} />
      <button type="button" aria-label={`${texts.runs.clear}: ${label}`} className="rounded p-1 text-ink-3 hover:text-ink" onClick={onClear}>
        <CloseIcon />
      </button>
    </span>
  );
}

function Site({ site }: { site: FailureSite }) {
  const texts = useTexts();
  const [latest] = site.sample_run_ids;
  return (
    <article className="grid grid-cols-[4.5rem_minmax(0,1fr)_11rem] gap-x-4 gap-y-1 px-4 py-3 max-md:grid-cols-[3rem_minmax(0,1fr)] max-sm:px-3">
      <div>
        <div className="numeric text-lg leading-6 font-semibold">{site.failure_count.toLocaleString()}</div>
        <div className="text-xs text-ink-3 max-md:hidden">{texts.failures.inRuns(site.affected_runs)}</div>
      </div>
      <div className="min-w-0">
        <div className="flex min-w-0 flex-wrap items-center gap-2">
          <ReasonBadge kind={site.reason_kind} code={site.reason_code} />
          <span className="flex min-w-0 items-baseline gap-1.5">
            {site.layer !== "" && (
              <>
                <Line text={site.layer} className="text-ink-3" />
                <span aria-hidden="true" className="text-ink-3">
                  ›
                </span>
              </>
            )}
            {latest === undefined ? (
              <Line text={site.step_name} className="font-medium" />
            ) : (
              <Link to="/runs/$runId" params={{ runId: latest }} search={{ span: site.sample_span_id }} className="flex min-w-0 font-medium text-ink hover:underline">
                <Line text={site.step_name} />
              </Link>
            )}
          </span>
          {site.executor_host !== "" && <Tag text={site.executor_host} />}
          {site.agent !== "" && <Tag text={site.agent} />}
        </div>
        {(site.error_type !== "" || site.sample_message !== "") && (
          <p className="mt-1 flex min-w-0 font-mono text-xs text-ink-2">
            <Line text={[site.error_type, site.sample_message].filter((part) => part !== "").join(": ")} />
          </p>
        )}
        <p className="mt-1 flex flex-wrap gap-x-2 text-xs">
          <span className="text-ink-3">{texts.failures.samples}:</span>
          {site.sample_run_ids.map((run) => (
            <Link key={run} to="/runs/$runId" params={{ runId: run }} className="link font-mono">
              {run.slice(-8)}
            </Link>
          ))}
        </p>
      </div>
      <div className="text-end text-[13px] max-md:col-start-2 max-md:text-start">
        <div>
          <Ago at={instant(site.last_seen)} />
        </div>
        <div className="text-xs text-ink-3">
          <At at={instant(site.first_seen)} /> – <At at={instant(site.last_seen)} />
        </div>
      </div>
    </article>
  );
}
