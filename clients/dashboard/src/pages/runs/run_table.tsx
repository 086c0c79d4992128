// Runs as rows: where each stands, since when, for how long, on which machines.
import { Link } from "@tanstack/react-router";
import type { RunSummary } from "../../api/types";
import { instant } from "../../format/time";
import { useTexts } from "../../i18n/language";
import { RetryBadge, StatusBadge, StatusSign, Tag } from "../../ui/badges";
import { Line } from "../../ui/text";
import { At, Lasting, Length } from "../../ui/time";

export function RunTable({ runs }: { runs: RunSummary[] }) {
  const { common } = useTexts();
  return (
    <table className="w-full table-fixed border-collapse">
      <thead>
        <tr className="max-sm:sr-only">
          <th scope="col" className="column w-28 max-sm:hidden">
            {common.status}
          </th>
          <th scope="col" className="column">
            {common.run}
          </th>
          <th scope="col" className="column w-32 max-sm:w-24 max-lg:w-28">
            {common.started}
          </th>
          <th scope="col" className="column w-24 text-end max-sm:hidden">
            {common.duration}
          </th>
          <th scope="col" className="column w-32 max-md:hidden">
            {common.steps}
          </th>
          <th scope="col" className="column w-60 max-lg:hidden">
            {common.hosts}
          </th>
          <th scope="col" className="column w-40 max-xl:hidden">
            {common.agent}
          </th>
        </tr>
      </thead>
      <tbody>
        {runs.map((run) => (
          <Row key={run.run_id} run={run} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ run }: { run: RunSummary }) {
  const texts = useTexts();
  const started = instant(run.started_at);
  const length = run.status === "RUNNING" && started !== null ? <Lasting since={started} /> : <Length seconds={run.duration_seconds} />;
  return (
    <tr className="hover:bg-raised">
      <td className="cell max-sm:hidden">
        <StatusBadge status={run.status} />
      </td>
      <td className="cell">
        <div className="flex min-w-0 items-center gap-2">
          <StatusSign status={run.status} className="sm:hidden" />
          <Link to="/runs/$runId" params={{ runId: run.run_id }} className="flex min-w-0 font-medium text-ink hover:underline">
            <Line text={run.root_step_name} />
          </Link>
          <RetryBadge attempt={run.attempt} />
        </div>
        {run.task_id !== "" && (
          <Link to="/runs" search={{ task: run.task_id }} className="flex min-w-0 text-xs text-ink-3 hover:text-ink hover:underline max-sm:pl-5">
            <Line text={run.task_id} />
          </Link>
        )}
      </td>
      <td className="cell w-32 text-[13px] text-ink-2 max-lg:w-28 max-sm:w-24">
        <At at={started} />
        <div className="text-xs text-ink-3 sm:hidden">{length}</div>
      </td>
      <td className="cell text-end text-[13px] max-sm:hidden">{length}</td>
      <td className="cell text-[13px] max-md:hidden">
        <span className="numeric text-ink-2">{run.total_spans.toLocaleString()}</span>
        {run.failed_spans > 0 && <span className="numeric ms-2 text-xs text-failed-ink">{texts.runs.failedSteps(run.failed_spans)}</span>}
        {run.failed_spans === 0 && run.running_spans > 0 && (
          <span className="numeric ms-2 text-xs text-running-ink">{texts.runs.runningSteps(run.running_spans)}</span>
        )}
      </td>
      <td className="cell max-lg:hidden">
        <Names names={run.hosts_involved} />
      </td>
      <td className="cell max-xl:hidden">
        <Names names={run.agents} />
      </td>
    </tr>
  );
}

function Names({ names }: { names: string[] }) {
  return (
    <div className="flex min-w-0 gap-1 overflow-hidden" title={names.join(", ")}>
      {names.slice(0, 3).map((name) => (
        <Tag key={name} text={name} />
      ))}
      {names.length > 3 && <span className="text-xs text-ink-3">+{names.length - 3}</span>}
    </div>
  );
}
