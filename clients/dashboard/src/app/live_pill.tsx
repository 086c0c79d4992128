// Whether what one sees is live, and how old it is where it is not.
import { useQueryClient } from "@tanstack/react-query";
import { useNow } from "./clock";
import { duration } from "../format/duration";
import { useTexts } from "../i18n/language";
import { type Connection, useConnection } from "../live/connection";
import { WarningIcon } from "../ui/icons";

function stateOf({ isReachable, stream }: Connection): "offline" | "open" | "connecting" | "polling" {
  if (!isReachable) return "offline";
  if (stream === "open") return "open";
  return stream === "connecting" ? "connecting" : "polling";
}

const TONES = {
  offline: "text-failed-ink bg-failed-soft",
  open: "text-success-ink bg-success-soft",
  connecting: "text-ink-2 bg-raised",
  polling: "text-transient-ink bg-transient-soft",
};

export function LivePill() {
  const texts = useTexts();
  const state = stateOf(useConnection());
  const hint = state === "open" ? texts.live.openHint : state === "polling" ? texts.live.pollingHint : undefined;
  return (
    <span role="status" data-state={state} title={hint} className={`inline-flex items-center gap-1.5 rounded-full px-2.5 py-1 text-xs font-medium whitespace-nowrap ${TONES[state]}`}>
      <span aria-hidden="true" className={`size-1.5 rounded-full bg-current ${state === "open" ? "breathing" : ""}`} />
      {texts.live[state]}
    </span>
  );
}

export function OfflineBanner() {
  const connection = useConnection();
  return connection.isReachable ? null : <Offline answeredAt={connection.answeredAt} />;
}

function Offline({ answeredAt }: { answeredAt: number | null }) {
  const texts = useTexts();
  const now = useNow();
  const queries = useQueryClient();
  const age = answeredAt === null ? null : duration((now - answeredAt) / 1000, texts.units, true);
  return (
    <div data-offline className="flex flex-wrap items-center justify-center gap-x-3 gap-y-1 bg-failed-soft px-4 py-1.5 text-failed-ink">
      <p role="alert" className="sr-only">
        {texts.live.bannerNever}
      </p>
      <WarningIcon />
      <span className="numeric">{age === null ? texts.live.bannerNever : texts.live.banner(age)}</span>
      <button type="button" className="font-medium underline" onClick={() => void queries.refetchQueries({ type: "active" })}>
        {texts.live.retryNow}
      </button>
    </div>
  );
}
