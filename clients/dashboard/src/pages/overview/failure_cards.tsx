// The four kinds of failure: how many, when, and of which codes.
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { failureTrend, topFailures } from "../../api/queries";
import type { FailureGroup, ReasonKind } from "../../api/types";
import { type WindowName, WINDOWS } from "../../filters/runs";
import { useTexts } from "../../i18n/language";
import { KIND_TONES } from "../../ui/badges";
import { Line } from "../../ui/text";
import { Failed } from "../../ui/states";
import { WindowChoice } from "../../ui/window_choice";
import { RetryTransient } from "./retry_transient";
import { TrendBars } from "./trend_bars";

const CARDS = ["TRANSIENT", "PERSISTENT", "RESOURCE", "CONFIG"] as const;

export function FailureCards() {
  const texts = useTexts();
  const navigate = useNavigate({ from: "/" });
  const { window = "24h" } = useSearch({ from: "/" });
  const trend = useQuery(failureTrend(window));
  const top = useQuery(topFailures(window));
  const problem = trend.data ? null : trend.error;
  // Those of which nothing is known have no card, but are not kept quiet.
  const unknown = trend.data?.kinds.find((kind) => kind.reason_kind === "UNKNOWN")?.failure_count ?? 0;
  return (
    <section aria-labelledby="failures-title">
      <div className="mb-2 flex flex-wrap items-center gap-3">
        <h2 id="failures-title" className="heading">
          {texts.overview.failures}
        </h2>
        <WindowChoice value={window} onChange={(chosen) => void navigate({ search: chosen === "24h" ? {} : { window: chosen }, replace: true })} />
        {unknown > 0 && (
          <Link to="/failures" search={{ kind: "UNKNOWN", window }} className="link text-xs">
            + {unknown} UNKNOWN
          </Link>
        )}
      </div>
      {problem ? (
        <div className="panel">
          <Failed problem={problem} onRetry={() => void trend.refetch()} />
        </div>
      ) : (
        <div className="grid grid-cols-4 gap-3 max-lg:grid-cols-2 max-sm:grid-cols-1">
          {CARDS.map((kind) => (
            <Card
              key={kind}
              kind={kind}
              window={window}
              counts={trend.data?.kinds.find((one) => one.reason_kind === kind)?.counts ?? []}
              isLoading={!trend.data}
              groups={(top.data?.failures ?? []).filter((group) => group.reason_kind === kind)}
            />
          ))}
        </div>
      )}
    </section>
  );
}

interface CardProps {
  kind: ReasonKind;
  window: WindowName;
  counts: number[];
  groups: FailureGroup[];
  isLoading: boolean;
}

function Card({ kind, window, counts, groups, isLoading }: CardProps) {
  const texts = useTexts();
  const total = counts.reduce((sum, count) => sum + count, 0);
  const tone = KIND_TONES[kind];
  return (
    <article aria-label={kind} data-kind={kind} className={`panel flex min-w-0 flex-col border-l-4 px-4 py-3 ${tone.border}`}>
      <div className="flex items-start justify-between gap-2">
        <div className="min-w-0">
          <h3 className={`text-xs font-semibold tracking-wide ${tone.text}`}>
            <Link to="/failures" search={{ kind, window }} className="hover:underline">
              {kind}
            </Link>
          </h3>
          <p className="text-xs text-ink-3">{texts.kindHint[kind]}</p>
        </div>
        <p className={`numeric text-2xl leading-8 font-semibold ${total === 0 ? "text-ink-3" : ""}`}>{isLoading ? "–" : total.toLocaleString()}</p>
      </div>
      <TrendBars counts={counts} className={tone.bar} label={texts.overview.trend(kind, total, texts.common.windows[window])} seconds={WINDOWS[window]} />
      <ul className="mt-2 flex min-h-15 flex-col max-sm:min-h-0 gap-0.5 text-[13px]">
        {groups.slice(0, 3).map((group) => (
          <li key={group.reason_code} className="flex min-w-0 justify-between gap-3">
            <Link to="/failures" search={{ kind, code: group.reason_code, window }} className="flex min-w-0 text-ink-2 hover:text-ink hover:underline">
              <Line text={group.reason_code} />
            </Link>
            <span className="numeric text-ink-3">{group.failure_count.toLocaleString()}</span>
          </li>
        ))}
        {!isLoading && total === 0 && <li className="text-ink-3">{texts.overview.noFailures}</li>}
      </ul>
      {kind === "TRANSIENT" && total > 0 && <RetryTransient window={window} />}
    </article>
  );
}
