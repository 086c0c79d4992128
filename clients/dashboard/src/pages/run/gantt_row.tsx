// A step in the timeline: its name in the tree, and its bar in time.
import { memo } from "react";
import { useNow } from "../../app/clock";
import { duration } from "../../format/duration";
import { useTexts } from "../../i18n/language";
import type { Step } from "../../spans/step";
import { place } from "../../spans/timescale";
import type { Row } from "../../spans/tree";
import { KIND_TONES, RetryBadge, STATUS_TONES, StatusSign } from "../../ui/badges";
import { ChevronIcon } from "../../ui/icons";
import { fraction, progressText } from "../../ui/progress";
import { Line } from "../../ui/text";

const INDENT_PX = 14;
/** Deeper steps are not moved further: their names would have no room. */
const DEEPEST_INDENT = 14;

interface GanttRowProps {
  row: Row;
  top: number;
  height: number;
  from: number;
  to: number;
  isNarrow: boolean;
  isActive: boolean;
  isSelected: boolean;
  isStuck: boolean;
  isFound: boolean;
  onToggle: (key: string) => void;
  onPick: (step: Step) => void;
}

export const GanttRow = memo(function GanttRow(props: GanttRowProps) {
  const { row, isActive, isSelected, onToggle, onPick } = props;
  const texts = useTexts();
  const { node, depth } = row;
  const { step } = node;
  const hasChildren = node.children.length > 0;
  // Of a run that is over, it says nothing that its end doesn't.
  const isLastAlive = step.isLastAlive && step.status === "RUNNING";
  const isStuckHere = props.isStuck && isLastAlive;
  const marks = isSelected ? "bg-select" : isStuckHere ? "bg-failed-soft" : isLastAlive ? "bg-running-soft/60" : "hover:bg-raised";
  return (
    <div
      role="treeitem"
      id={`step-${step.key}`}
      aria-level={depth + 1}
      aria-posinset={row.position}
      aria-setsize={row.siblings}
      aria-selected={isSelected}
      {...(hasChildren ? { "aria-expanded": row.isOpen } : {})}
      data-status={step.status}
      data-last-alive={isLastAlive || undefined}
      className={`gantt-grid absolute inset-x-0 top-0 cursor-pointer border-b border-line/60 ${marks} ${isActive ? "group-focus-visible/tree:shadow-[inset_3px_0_0_var(--focus)]" : ""}`}
      style={{ height: props.height, transform: `translateY(${props.top}px)` }}
      onClick={() => onPick(step)}
    >
      <div className="flex h-full min-w-0 items-center gap-1.5 pe-2 ps-2 max-sm:h-6 max-sm:pt-0.5" style={{ paddingInlineStart: 8 + Math.min(depth, DEEPEST_INDENT) * INDENT_PX }}>
        {hasChildren ? (
          <button
            type="button"
            tabIndex={-1}
            aria-label={row.isOpen ? texts.run.collapse : texts.run.expand}
            className="-ms-1 flex size-5 shrink-0 items-center justify-center rounded text-ink-3 hover:bg-line hover:text-ink"
            onClick={(event) => {
              event.stopPropagation();
              onToggle(step.key);
            }}
          >
            <ChevronIcon isOpen={row.isOpen} />
          </button>
        ) : (
          <span className="w-4 shrink-0" />
        )}
        <StatusSign status={step.status} />
        <span className={`flex min-w-12 ${props.isFound ? "rounded bg-transient-soft" : ""}`}>
          <Line text={step.name} className={step.status === "FAILED" ? "text-failed-ink" : ""} />
        </span>
        <RetryBadge attempt={step.attempt} />
        {isStuckHere ? (
          <span className="rounded bg-failed-ink px-1.5 text-xs font-medium whitespace-nowrap text-surface">{texts.run.stuckHere}</span>
        ) : (
          isLastAlive && <span className="text-xs whitespace-nowrap text-running-ink">◂ {texts.run.lastAlive}</span>
        )}
        {!row.isOpen && node.failedBelow > 0 && <span className="numeric text-xs whitespace-nowrap text-failed-ink">{texts.run.failedBelow(node.failedBelow)}</span>}
        <span className="ms-auto flex min-w-0 shrink-[50] ps-2 text-xs text-ink-3">
          <Line text={placeOf(step)} />
        </span>
      </div>
      <div data-track className="relative h-full min-w-0 overflow-hidden max-sm:mx-2 max-sm:h-5">
        {step.status === "RUNNING" ? <RunningBar {...props} /> : <Bar {...props} end={step.end ?? step.start ?? 0} />}
      </div>
    </div>
  );
});

/** "layer @ host", as far as they are known. */
export function placeOf({ layer, host }: Step): string {
  if (layer === "" && host === "") return " ";
  if (host === "") return layer;
  return layer === "" ? `@ ${host}` : `${layer} @ ${host}`;
}

function RunningBar(props: GanttRowProps) {
  const now = useNow();
  // A host's clock may be ahead of this one.
  return <Bar {...props} end={Math.max(now, props.row.node.step.start ?? now)} />;
}

/** A bar that is too short to be seen is this wide. */
const LEAST_PX = 3;

function Bar({ row, from, to, end, isStuck, isNarrow }: GanttRowProps & { end: number }) {
  const texts = useTexts();
  const { step } = row.node;
  if (step.start === null) return null;
  const spot = place({ from, to }, step.start, Math.max(end, step.start));
  if (!spot) return null;
  const isRunning = step.status === "RUNNING";
  const isStuckHere = isStuck && step.isLastAlive;
  const done = isRunning ? fraction(step.progress) : null;
  const tone = step.status === "FAILED" && step.reasonKind !== "UNKNOWN" ? KIND_TONES[step.reasonKind].bar : STATUS_TONES[step.status].bar;
  const length = duration((Math.max(end, step.start) - step.start) / 1000, texts.units, isRunning);
  // Where there is no room behind the bar the time stands before it, or in it.
  const side = spot.left + spot.width < (isNarrow ? 0.78 : 0.88) ? "behind" : spot.left > (isNarrow ? 0.22 : 0.12) ? "before" : "inside";
  return (
    <>
      <div
        data-bar
        className={`absolute top-1/2 h-3 -translate-y-1/2 overflow-hidden rounded-sm ${isRunning ? (isStuckHere ? "bg-failed/25 ring-1 ring-failed ring-inset" : "bg-running/25 ring-1 ring-running ring-inset") : tone}`}
        style={{ left: `${spot.left * 100}%`, width: `max(${LEAST_PX}px, ${spot.width * 100}%)` }}
        title={step.progress ? progressText(step.progress) : undefined}
      >
        {done !== null && <div data-done className={`h-full ${isStuckHere ? "bg-failed" : "bg-running"}`} style={{ width: `${done * 100}%` }} />}
      </div>
      <span
        className={`numeric absolute top-1/2 -translate-y-1/2 text-xs whitespace-nowrap ${side === "inside" ? "rounded-sm bg-surface/85 px-1 text-ink" : "px-1.5 text-ink-3"}`}
        style={side === "behind" ? { left: `${(spot.left + spot.width) * 100}%` } : side === "before" ? { right: `${(1 - spot.left) * 100}%` } : { right: 4 }}
      >
        {length}
      </span>
    </>
  );
}
