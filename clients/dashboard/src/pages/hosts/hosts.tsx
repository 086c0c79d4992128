// The machines: what each runs, its last word, its failures.
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { hosts } from "../../api/queries";
import type { Host } from "../../api/types";
import { useTitle } from "../../app/shell";
import type { WindowName } from "../../filters/runs";
import { instant } from "../../format/time";
import { useTexts } from "../../i18n/language";
import { useWatch } from "../../live/watcher";
import { StatusSign, Tag } from "../../ui/badges";
import { Answered, Empty } from "../../ui/states";
import { Line } from "../../ui/text";
import { Ago } from "../../ui/time";
import { WindowChoice } from "../../ui/window_choice";

export function Hosts() {
  const texts = useTexts();
  useTitle(texts.hosts.title);
  const navigate = useNavigate({ from: "/hosts" });
  const { window = "24h" } = useSearch({ from: "/hosts" });
  const list = useQuery(hosts(window));
  // Signs of life are not told by the stream of runs; this page asks for them itself.
  useWatch("/api/v1/watch", () => undefined);
  return (
    <div className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center gap-3">
        <h1 className="text-lg font-semibold">{texts.hosts.title}</h1>
        <WindowChoice value={window} onChange={(chosen) => void navigate({ search: { window: chosen }, replace: true })} />
      </div>
      <Answered of={list} rows={6}>
        {(answer) =>
          answer.hosts.length === 0 ? (
            <div className="panel">
              <Empty>{texts.hosts.none}</Empty>
            </div>
          ) : (
            <ul className="grid grid-cols-[repeat(auto-fill,minmax(min(22rem,100%),1fr))] gap-3">
              {answer.hosts.map((host) => (
                <li key={host.executor_host} className="min-w-0">
                  <Machine host={host} window={window} />
                </li>
              ))}
            </ul>
          )
        }
      </Answered>
    </div>
  );
}

function Machine({ host, window }: { host: Host; window: WindowName }) {
  const texts = useTexts();
  const isBusy = host.running_spans > 0;
  return (
    <article className="panel flex h-full flex-col gap-2 px-4 py-3">
      <div className="flex min-w-0 items-baseline justify-between gap-3">
        <h2 className="flex min-w-0 items-center gap-2 text-[15px] font-semibold">
          <StatusSign status={isBusy ? "RUNNING" : "CANCELLED"} />
          <Link to="/runs" search={{ host: host.executor_host }} className="flex min-w-0 text-ink hover:underline">
            <Line text={host.executor_host} />
          </Link>
        </h2>
        <span className="text-xs whitespace-nowrap text-ink-3">
          {texts.hosts.lastWord} <Ago at={instant(host.last_alive_at)} />
        </span>
      </div>
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1 text-[13px]">
        <span className="numeric text-ink-2">{isBusy ? texts.hosts.running(host.running_spans, host.running_runs) : texts.hosts.idle}</span>
        {host.failure_count > 0 ? (
          <Link to="/failures" search={{ host: host.executor_host, window }} className="numeric text-failed-ink hover:underline">
            {texts.hosts.failures(host.failure_count)}
          </Link>
        ) : (
          <span className="text-ink-3">{texts.hosts.noFailures}</span>
        )}
      </div>
      {host.steps.length > 0 && (
        <ul className="flex flex-col gap-1 border-t border-line pt-2 text-[13px]">
          {host.steps.map((step) => (
            <li key={step.span_id} className="flex min-w-0 items-baseline justify-between gap-3">
              <span className="flex min-w-0 gap-1.5">
                {step.layer !== "" && <Line text={step.layer} className="max-w-28 text-ink-3" />}
                <Link to="/runs/$runId" params={{ runId: step.run_id }} search={{ span: step.span_id }} className="flex min-w-0 text-ink hover:underline">
                  <Line text={step.step_name} />
                </Link>
              </span>
              <Ago at={instant(step.last_alive_at)} className="text-xs text-ink-3" />
            </li>
          ))}
          {host.running_spans > host.steps.length && <li className="text-xs text-ink-3">{texts.hosts.moreSteps(host.running_spans - host.steps.length)}</li>}
        </ul>
      )}
      {host.agents.length > 0 && (
        <div className="mt-auto flex flex-wrap gap-1 pt-1">
          {host.agents.map((agent) => (
            <Tag key={agent} text={agent} />
          ))}
        </div>
      )}
    </article>
  );
}
