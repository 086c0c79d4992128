// Where runs are stuck: step, machine, for how long, how we know, and what the step
// left behind.
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { StuckRun } from "../../api/types";
import { useNow } from "../../app/clock";
import { duration } from "../../format/duration";
import { instant } from "../../format/time";
import { useTexts } from "../../i18n/language";
import { WarningIcon } from "../../ui/icons";
import { RetryBadge, Tag } from "../../ui/badges";
import { Line } from "../../ui/text";
import { brief } from "../../ui/value";
import { Picture } from "../run/artifact_file";

const SHOWN = 3;

export function StuckAlert({ runs }: { runs: StuckRun[] }) {
  const texts = useTexts();
  const [all, setAll] = useState(false);
  if (runs.length === 0) {
    return (
      <p role="status" className="flex items-center gap-2 text-success-ink">
        <svg viewBox="0 0 16 16" aria-hidden="true" className="size-4" fill="none" stroke="currentColor" strokeWidth="1.6" strokeLinecap="round" strokeLinejoin="round">
          <circle cx="8" cy="8" r="6.200" />
          <path d="m5.300 8.200 1.900 1.900 3.500-4" />
        </svg>
        {texts.overview.nothingStuck}
      </p>
    );
  }
  const shown = all ? runs : runs.slice(0, SHOWN);
  return (
    <section aria-labelledby="stuck-title" className="panel overflow-hidden border-failed/50">
      {/* What is told to those who listen: not the ages, which tick. */}
      <p role="alert" className="sr-only">
        {texts.overview.stuck(runs.length)}
      </p>
      <h2 id="stuck-title" className="flex items-center gap-2 bg-failed-soft px-4 py-2 font-semibold text-failed-ink">
        <WarningIcon />
        {texts.overview.stuck(runs.length)}
      </h2>
      <ul className="divide-y divide-line">
        {shown.map((run) => (
          <li key={run.run_id}>
            <Stuck run={run} />
          </li>
        ))}
      </ul>
      {runs.length > SHOWN && (
        <button type="button" className="link w-full border-t border-line py-2 text-center" onClick={() => setAll(!all)}>
          {all ? texts.overview.fewer : texts.overview.moreStuck(runs.length - SHOWN)}
        </button>
      )}
    </section>
  );
}

function Stuck({ run }: { run: StuckRun }) {
  const texts = useTexts();
  const since = instant(run.since);
  const screenshot = Object.entries(run.artifacts).find(([name]) => name === "screenshot_id")?.[1];
  const input = brief(run.input_summary);
  return (
    <div className="flex items-start gap-4 px-4 py-3 max-sm:flex-col max-sm:gap-2">
      <div className="min-w-0 flex-1 max-sm:w-full">
        <p className="flex flex-wrap items-baseline gap-x-2 gap-y-0.5">
          <span className="flex max-w-full min-w-0 items-baseline gap-1.5 text-[15px]">
            {run.layer !== "" && (
              <>
                <Line text={run.layer} className="text-ink-3" />
                <span aria-hidden="true" className="text-ink-3">
                  ›
                </span>
              </>
            )}
            <Link to="/runs/$runId" params={{ runId: run.run_id }} search={{ span: run.span_id }} className="flex min-w-0 font-semibold text-ink hover:underline">
              <Line text={run.step_name} />
            </Link>
          </span>
          {since !== null && (
            <span className="font-semibold text-failed-ink">
              <StuckFor since={since} />
            </span>
          )}
        </p>
        <p className="mt-1 flex flex-wrap items-center gap-1.5 text-ink-2">
          {run.executor_host !== "" && <Tag text={run.executor_host} />}
          {run.agent !== "" && <Tag text={run.agent} />}
          <RetryBadge attempt={run.attempt} />
          <Evidence run={run} />
        </p>
        <p className="mt-1 flex min-w-0 gap-1 text-xs text-ink-3">
          {run.task_id !== "" && (
            <span className="flex max-w-[40%] min-w-0 gap-1">
              {texts.common.task}: <Line text={run.task_id} className="text-ink-2" />
            </span>
          )}
          {input !== "" && (
            <span className="flex min-w-0 gap-1">
              {run.task_id !== "" && <span aria-hidden="true">·</span>}
              {texts.run.input}: <Line text={input} className="font-mono text-ink-2" />
            </span>
          )}
        </p>
      </div>
      <div className="flex items-start gap-3">
        {screenshot !== undefined && (
          <Picture artifactId={screenshot} alt={texts.overview.screenshot(run.step_name)} className="h-16 w-28 rounded border border-line object-cover object-top" />
        )}
        <Link to="/runs/$runId" params={{ runId: run.run_id }} search={{ span: run.span_id }} className="button">
          {texts.overview.openRun}
        </Link>
      </div>
    </div>
  );
}

function StuckFor({ since }: { since: number }) {
  const texts = useTexts();
  const now = useNow();
  return <span className="numeric">{texts.overview.stuckFor(duration((now - since) / 1000, texts.units, true))}</span>;
}

/** The evidence in the page's language, ticking; the server's own words in the title. */
export function Evidence({ run }: { run: Pick<StuckRun, "verdict" | "evidence" | "limit_seconds" | "since"> }) {
  const texts = useTexts();
  const now = useNow();
  const since = instant(run.since);
  if (run.verdict === "VERDICT_UNSPECIFIED" || since === null) return <span>{run.evidence}</span>;
  const say = texts.verdict[run.verdict];
  const length = (seconds: number) => duration(seconds, texts.units, true);
  return (
    <span className="numeric" title={run.evidence}>
      {say(length((now - since) / 1000), length(run.limit_seconds))}
    </span>
  );
}

