// Two attempts of the same task beside each other, and the first step where they part.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { attemptsOf, timeline } from "../../api/queries";
import type { RunSummary } from "../../api/types";
import { instant } from "../../format/time";
import { useTexts } from "../../i18n/language";
import { compare, type Pair } from "../../spans/attempts";
import type { Step } from "../../spans/step";
import { ReasonBadge, RetryBadge, StatusBadge, StatusSign } from "../../ui/badges";
import { Answered, Empty } from "../../ui/states";
import { Line } from "../../ui/text";
import { At, Lasting, Length } from "../../ui/time";

interface AttemptsProps {
  runId: string;
  taskId: string;
  retryOf: string;
  steps: Step[];
  beside: string | undefined;
  onChange: (runId: string) => void;
  onSelect: (id: string) => void;
}

/** How many pairs of steps are shown at once. */
const MOST_PAIRS = 2_000;

export function Attempts({ runId, taskId, retryOf, steps, beside, onChange, onSelect }: AttemptsProps) {
  const texts = useTexts();
  const attempts = useQuery({ ...attemptsOf(taskId), enabled: taskId !== "" });
  if (taskId === "") return <Notice text={texts.run.noTask} />;
  return (
    <Answered of={attempts}>
      {({ runs }) => {
        const others = runs.filter((run) => run.run_id !== runId).sort((one, other) => one.attempt - other.attempt);
        if (others.length === 0) return <Notice text={texts.run.oneAttempt} />;
        // The one it retries, else the one that retries it, else the last.
        const other =
          others.find((run) => run.run_id === beside) ?? others.find((run) => run.run_id === retryOf) ?? others.find((run) => run.retry_of === runId) ?? others.at(-1);
        return (
          <div className="flex flex-col gap-3">
            <label className="flex flex-wrap items-center gap-2 text-ink-2">
              {texts.run.compareWith}
              <select className="field max-w-full" value={other?.run_id} onChange={(event) => onChange(event.target.value)}>
                {others.map((run) => (
                  <option key={run.run_id} value={run.run_id}>
                    {`${texts.common.attempt} ${run.attempt} · ${texts.status[run.status]} · ${run.run_id.slice(-8)}`}
                  </option>
                ))}
              </select>
            </label>
            {other && <Beside runs={runs} runId={runId} steps={steps} other={other} onSelect={onSelect} />}
          </div>
        );
      }}
    </Answered>
  );
}

function Notice({ text }: { text: string }) {
  return (
    <div className="panel">
      <Empty>{text}</Empty>
    </div>
  );
}

interface BesideProps {
  runs: RunSummary[];
  runId: string;
  steps: Step[];
  other: RunSummary;
  onSelect: (id: string) => void;
}

function Beside({ runs, runId, steps, other, onSelect }: BesideProps) {
  const texts = useTexts();
  const theirs = useQuery(timeline(other.run_id));
  const ours = runs.find((run) => run.run_id === runId);
  // The earlier attempt is on the left.
  const isOursLeft = (ours?.attempt ?? 1) <= other.attempt;
  const comparison = useMemo(() => {
    if (!theirs.data) return null;
    return isOursLeft ? compare(steps, theirs.data.steps) : compare(theirs.data.steps, steps);
  }, [steps, theirs.data, isOursLeft]);
  const [left, right] = isOursLeft ? [ours, other] : [other, ours];
  return (
    <Answered of={theirs} rows={6}>
      {() =>
        comparison && (
          <div className="panel overflow-x-auto">
            <table className="w-full table-fixed sm:min-w-[34rem] border-collapse">
              <thead>
                <tr>
                  <th scope="col" className="column w-[30%]">
                    {comparison.parting < 0 ? texts.run.same : texts.common.step}
                  </th>
                  {[left, right].map((run, side) => (
                    <th key={side} scope="col" className="column">
                      {run && <AttemptHead run={run} isOurs={run.run_id === runId} />}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {comparison.pairs.slice(0, MOST_PAIRS).map((pair, place) => (
                  <PairRow key={place} pair={pair} isParting={place === comparison.parting} isOursLeft={isOursLeft} otherRun={other.run_id} onSelect={onSelect} />
                ))}
              </tbody>
            </table>
          </div>
        )
      }
    </Answered>
  );
}

function AttemptHead({ run, isOurs }: { run: RunSummary; isOurs: boolean }) {
  const texts = useTexts();
  return (
    <div className="flex flex-wrap items-center gap-1.5 font-normal">
      <span className="font-semibold text-ink">
        {texts.common.attempt} {run.attempt}
      </span>
      <StatusBadge status={run.status} />
      {isOurs ? (
        <span>{texts.run.thisRun}</span>
      ) : (
        <Link to="/runs/$runId" params={{ runId: run.run_id }} className="link font-mono">
          {run.run_id.slice(-8)}
        </Link>
      )}
      <At at={instant(run.started_at)} />
    </div>
  );
}

interface PairRowProps {
  pair: Pair;
  isParting: boolean;
  isOursLeft: boolean;
  otherRun: string;
  onSelect: (id: string) => void;
}

function PairRow({ pair, isParting, isOursLeft, otherRun, onSelect }: PairRowProps) {
  const texts = useTexts();
  const ground = isParting ? "bg-transient-soft" : pair.difference ? "bg-raised" : "";
  return (
    <tr data-parting={isParting || undefined} className={ground}>
      <th scope="row" className="cell text-start font-normal max-sm:px-2" style={{ paddingInlineStart: 12 + Math.min(pair.depth, 10) * 16 }}>
        <span className="flex min-w-0">
          <Line text={pair.path.at(-1) ?? ""} className={isParting ? "font-semibold" : ""} />
        </span>
        {isParting && <span className="text-xs font-medium text-transient-ink">{texts.run.partsHere}</span>}
      </th>
      {[pair.left, pair.right].map((step, side) => (
        <td key={side} className="cell max-sm:px-2">
          {step ? (
            <StepCell step={step} run={(side === 0) === isOursLeft ? null : otherRun} onSelect={onSelect} />
          ) : (
            <span className="text-xs text-ink-3">{texts.run.missing}</span>
          )}
        </td>
      ))}
    </tr>
  );
}

function StepCell({ step, run, onSelect }: { step: Step; run: string | null; onSelect: (id: string) => void }) {
  const content = (
    <>
      <StatusSign status={step.status} />
      {step.status === "RUNNING" && step.start !== null ? <Lasting since={step.start} /> : <Length seconds={step.start !== null && step.end !== null ? Math.max(0, step.end - step.start) / 1000 : 0} />}
      <span className="contents max-sm:hidden">
        <Line text={step.host} className="text-xs text-ink-3" />
        <RetryBadge attempt={step.attempt} />
      </span>
      {step.status === "FAILED" && <ReasonBadge kind={step.reasonKind} code={step.reasonCode} />}
    </>
  );
  const className = "flex max-w-full min-w-0 flex-wrap items-center gap-x-2 gap-y-0.5 text-[13px] text-ink hover:underline";
  return run === null ? (
    <button type="button" className={className} onClick={() => onSelect(step.id)}>
      {content}
    </button>
  ) : (
    <Link to="/runs/$runId" params={{ runId: run }} search={{ span: step.id }} className={className}>
      {content}
    </Link>
  );
}
