// How far something has come.
import type { Progress } from "../api/types";
import { useTexts } from "../i18n/language";
import { Line } from "./text";

/** From 0 to 1; `null` where the total isn't known. */
export function fraction(progress: { current: number; total?: number | null } | null): number | null {
  if (!progress || progress.total === null || progress.total === undefined || !(progress.total > 0)) return null;
  return Math.min(1, Math.max(0, progress.current / progress.total));
}

const number = (value: number) => (Number.isInteger(value) ? value.toString() : value.toPrecision(4));

/** "812 / 1204 accounts". */
export function progressText(progress: { current: number; total?: number | null; note: string }): string {
  const total = progress.total === null || progress.total === undefined ? "" : ` / ${number(progress.total)}`;
  return `${number(progress.current)}${total}${progress.note === "" ? "" : ` ${progress.note}`}`;
}

export function ProgressBar({ progress, isStuck = false }: { progress: Progress | null; isStuck?: boolean }) {
  const texts = useTexts();
  if (!progress) return <span className="text-ink-3">–</span>;
  const part = fraction(progress);
  return (
    <div className="flex min-w-0 flex-col gap-1">
      <div
        role="progressbar"
        aria-label={texts.common.progress}
        aria-valuemin={0}
        aria-valuemax={100}
        {...(part === null ? {} : { "aria-valuenow": Math.round(part * 100) })}
        className="h-1.5 w-full overflow-hidden rounded-full bg-line"
      >
        <div
          className={`h-full rounded-full transition-[width] duration-500 ${isStuck ? "bg-failed" : "bg-running"} ${part === null ? "breathing" : ""}`}
          style={{ width: part === null ? "100%" : `${part * 100}%` }}
        />
      </div>
      <Line text={progressText(progress)} className="numeric text-xs text-ink-3" />
    </div>
  );
}
