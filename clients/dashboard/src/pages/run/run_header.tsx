// What the run is, where it stands, and in figures.
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { RunSummary } from "../../api/types";
import { instant } from "../../format/time";
import { useTexts } from "../../i18n/language";
import { RetryBadge, StatusBadge, Tag } from "../../ui/badges";
import { CopyId } from "../../ui/copy";
import { Line } from "../../ui/text";
import { Ago, At, Lasting, Length } from "../../ui/time";

export function RunHeader({ run }: { run: RunSummary }) {
  const texts = useTexts();
  const { common } = texts;
  const started = instant(run.started_at);
  const isRunning = run.status === "RUNNING";
  return (
    <div>
      <div className="flex min-w-0 flex-wrap items-center gap-x-3 gap-y-1">
        <h1 className="flex min-w-0 text-lg font-semibold">
          <Line text={run.root_step_name} />
        </h1>
        <StatusBadge status={run.status} />
        <RetryBadge attempt={run.attempt} />
        {run.retry_of !== "" && (
          <span className="text-xs text-ink-2">
            {texts.run.retryOf}{" "}
            <Link to="/runs/$runId" params={{ runId: run.retry_of }} className="link font-mono">
              {run.retry_of.slice(-8)}
            </Link>
          </span>
        )}
        <span className="ms-auto max-sm:ms-0">
          <CopyId id={run.run_id} />
        </span>
      </div>
      <dl className="mt-2 flex flex-wrap gap-x-6 gap-y-1.5 text-[13px]">
        {run.task_id !== "" && (
          <Fact name={common.task}>
            <Link to="/runs" search={{ task: run.task_id }} className="flex max-w-60 min-w-0 text-ink hover:underline">
              <Line text={run.task_id} />
            </Link>
          </Fact>
        )}
        <Fact name={common.started}>
          <At at={started} />
        </Fact>
        <Fact name={common.duration}>{isRunning && started !== null ? <Lasting since={started} /> : <Length seconds={run.duration_seconds} />}</Fact>
        {isRunning && (
          <Fact name={common.lastHeard}>
            <Ago at={instant(run.last_alive_at)} />
          </Fact>
        )}
        <Fact name={common.steps}>
          <span className="numeric">
            {run.total_spans.toLocaleString()}
            {run.running_spans > 0 && <span className="ms-2 text-running-ink">{texts.runs.runningSteps(run.running_spans)}</span>}
            {run.failed_spans > 0 && <span className="ms-2 text-failed-ink">{texts.runs.failedSteps(run.failed_spans)}</span>}
          </span>
        </Fact>
        {run.hosts_involved.length > 0 && (
          <Fact name={common.hosts}>
            <Tags names={run.hosts_involved} />
          </Fact>
        )}
        {run.agents.length > 0 && (
          <Fact name={common.agent}>
            <Tags names={run.agents} />
          </Fact>
        )}
      </dl>
      {run.gc_at && <p className="mt-2 text-xs text-transient-ink">{texts.run.gcAt}</p>}
    </div>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="flex min-w-0 items-center gap-1.5">
      <dt className="text-ink-3">{name}</dt>
      <dd className="flex min-w-0">{children}</dd>
    </div>
  );
}

function Tags({ names }: { names: string[] }) {
  return (
    <span className="flex flex-wrap gap-1">
      {names.slice(0, 8).map((name) => (
        <Tag key={name} text={name} />
      ))}
      {names.length > 8 && <span className="text-xs text-ink-3">+{names.length - 8}</span>}
    </span>
  );
}
