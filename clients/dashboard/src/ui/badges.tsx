// Where something stands and why it failed. Never by colour alone: each status has a
// sign of its own, each kind its name.
import type { ReasonKind, Status } from "../api/types";
import { useTexts } from "../i18n/language";
import { Line } from "./text";

/** The names of the classes, whole, so that Tailwind finds them. */
export const STATUS_TONES: Record<Status, { text: string; soft: string; bar: string }> = {
  RUNNING: { text: "text-running-ink", soft: "bg-running-soft", bar: "bg-running" },
  SUCCESS: { text: "text-success-ink", soft: "bg-success-soft", bar: "bg-success" },
  FAILED: { text: "text-failed-ink", soft: "bg-failed-soft", bar: "bg-failed" },
  CANCELLED: { text: "text-cancelled-ink", soft: "bg-cancelled-soft", bar: "bg-cancelled" },
  STATUS_UNSPECIFIED: { text: "text-cancelled-ink", soft: "bg-cancelled-soft", bar: "bg-cancelled" },
};

export const KIND_TONES: Record<ReasonKind, { text: string; soft: string; bar: string; border: string }> = {
  TRANSIENT: { text: "text-transient-ink", soft: "bg-transient-soft", bar: "bg-transient", border: "border-l-transient" },
  PERSISTENT: { text: "text-persistent-ink", soft: "bg-persistent-soft", bar: "bg-persistent", border: "border-l-persistent" },
  RESOURCE: { text: "text-resource-ink", soft: "bg-resource-soft", bar: "bg-resource", border: "border-l-resource" },
  CONFIG: { text: "text-config-ink", soft: "bg-config-soft", bar: "bg-config", border: "border-l-config" },
  UNKNOWN: { text: "text-unknown-ink", soft: "bg-unknown-soft", bar: "bg-unknown", border: "border-l-unknown" },
};

/** A sign for a status, 12 by 12: a filled dot, a tick, a cross, a bar. */
export function StatusSign({ status, className = "" }: { status: Status; className?: string }) {
  const shape = {
    RUNNING: <circle cx="6" cy="6" r="3.5" fill="currentColor" />,
    SUCCESS: <path d="M2.5 6.3 5 8.8l4.5-5.3" />,
    FAILED: <path d="m3 3 6 6m0-6-6 6" />,
    CANCELLED: <path d="M2.5 6h7" />,
    STATUS_UNSPECIFIED: <circle cx="6" cy="6" r="3" />,
  }[status];
  return (
    <svg
      viewBox="0 0 12 12"
      aria-hidden="true"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.8"
      strokeLinecap="round"
      strokeLinejoin="round"
      className={`size-3 shrink-0 ${STATUS_TONES[status].text} ${status === "RUNNING" ? "breathing" : ""} ${className}`}
    >
      {shape}
    </svg>
  );
}

export function StatusBadge({ status }: { status: Status }) {
  const texts = useTexts();
  const tone = STATUS_TONES[status];
  return (
    <span className={`inline-flex items-center gap-1.5 rounded px-1.5 py-px text-xs font-medium whitespace-nowrap ${tone.soft} ${tone.text}`}>
      <StatusSign status={status} />
      {texts.status[status]}
    </span>
  );
}

/** The kind of a failure, with its code where there is one. */
export function ReasonBadge({ kind, code = "" }: { kind: ReasonKind; code?: string }) {
  const texts = useTexts();
  const tone = KIND_TONES[kind];
  return (
    <span
      title={texts.kindHint[kind]}
      className={`inline-flex max-w-full min-w-0 items-center gap-1.5 rounded px-1.5 py-px text-xs font-medium whitespace-nowrap ${tone.soft} ${tone.text}`}
    >
      <span aria-hidden="true" className={`size-2 shrink-0 rounded-sm ${tone.bar}`} />
      {kind}
      {code !== "" && <Line text={code} className="font-normal" />}
    </span>
  );
}

/** "retry #1"; nothing for a first attempt. */
export function RetryBadge({ attempt }: { attempt: number }) {
  const texts = useTexts();
  if (attempt <= 1) return null;
  return (
    <span className="rounded border border-line-strong px-1.5 text-xs whitespace-nowrap text-ink-2">{texts.common.retry(attempt)}</span>
  );
}

/** A short grey name: a machine, an agent. */
export function Tag({ text }: { text: string }) {
  return (
    <span className="inline-flex max-w-40 min-w-0 rounded bg-raised px-1.5 py-px text-xs text-ink-2">
      <Line text={text} />
    </span>
  );
}
