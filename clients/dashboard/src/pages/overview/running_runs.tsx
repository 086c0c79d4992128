// What runs now, each run at its current step.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { activeRuns } from "../../api/queries";
import type { ActiveRun } from "../../api/types";
import { instant } from "../../format/time";
import { useTexts } from "../../i18n/language";
import { RetryBadge, StatusSign, Tag } from "../../ui/badges";
import { WarningIcon } from "../../ui/icons";
import { ProgressBar } from "../../ui/progress";
import { Answered, Empty } from "../../ui/states";
import { Line } from "../../ui/text";
import { Ago, Lasting } from "../../ui/time";

export function RunningRuns() {
  const texts = useTexts();
  const active = useQuery(activeRuns);
  const total = active.data?.total_count ?? 0;
  return (
    <section aria-labelledby="running-title">
      <div className="mb-2 flex items-baseline gap-2">
        <h2 id="running-title" className="heading">
          {texts.overview.running}
        </h2>
        {total > 0 && <span className="numeric text-xs text-ink-3">{total.toLocaleString()}</span>}
      </div>
      <div className="panel">
        <Answered of={active}>
          {({ runs }) =>
            runs.length === 0 ? (
              <Empty>{texts.overview.nothingRuns}</Empty>
            ) : (
              <>
                <ul className="divide-y divide-line">
                  {runs.map((run) => (
                    <li key={run.run_id}>
                      <Running run={run} />
                    </li>
                  ))}
                </ul>
                {total > runs.length && (
                  <Link to="/runs" search={{ status: "RUNNING" }} className="link block border-t border-line py-2 text-center">
                    {texts.overview.moreRunning(total - runs.length)}
                  </Link>
                )}
              </>
            )
          }
        </Answered>
      </div>
    </section>
  );
}

function Running({ run }: { run: ActiveRun }) {
  const texts = useTexts();
  const isStuck = run.verdict !== "VERDICT_UNSPECIFIED";
  const started = instant(run.started_at);
  return (
    <div className="grid grid-cols-[minmax(0,2.2fr)_minmax(0,1.3fr)_minmax(0,1.4fr)_minmax(5.5rem,auto)] items-center gap-x-4 gap-y-1 px-4 py-2 max-md:grid-cols-2 max-sm:px-3">
      <div className="min-w-0 max-md:col-span-2">
        <div className="flex min-w-0 items-center gap-2">
          {isStuck ? (
            <span className="text-failed-ink">
              <WarningIcon />
            </span>
          ) : (
            <StatusSign status="RUNNING" className="mx-0.5" />
          )}
          <Link to="/runs/$runId" params={{ runId: run.run_id }} className="flex min-w-0 font-medium text-ink hover:underline">
            <Line text={run.task_id === "" ? run.run_id : run.task_id} />
          </Link>
          <RetryBadge attempt={run.attempt} />
        </div>
        <div className="flex min-w-0 gap-1.5 pl-6 text-[13px] text-ink-2">
          {run.layer !== "" && (
            <>
              <Line text={run.layer} className="text-ink-3" />
              <span aria-hidden="true" className="text-ink-3">
                ›
              </span>
            </>
          )}
          <Line text={run.step_name} />
        </div>
      </div>
      <div className="flex min-w-0 flex-wrap gap-1 max-md:pl-6">
        {run.hosts.slice(0, 3).map((host) => (
          <Tag key={host} text={host} />
        ))}
        {run.hosts.length > 3 && <span className="text-xs text-ink-3">+{run.hosts.length - 3}</span>}
        {run.agent !== "" && <Tag text={run.agent} />}
      </div>
      <div className="min-w-0">
        <ProgressBar progress={run.progress ?? null} isStuck={isStuck} />
      </div>
      <div className="text-end text-[13px] max-md:col-span-2 max-md:flex max-md:gap-3 max-md:pl-6 max-md:text-start">
        <div title={texts.overview.runningFor}>{started !== null && <Lasting since={started} className="font-medium" />}</div>
        <div title={texts.common.lastHeard} className={`text-xs max-md:leading-5 ${isStuck ? "text-failed-ink" : "text-ink-3"}`}>
          <Ago at={instant(run.last_alive_at)} />
        </div>
      </div>
    </div>
  );
}
