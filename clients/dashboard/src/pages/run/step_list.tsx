// The steps one after the other, by start: where, what, how it went, what it left behind.
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef } from "react";
import { useTexts } from "../../i18n/language";
import type { Step } from "../../spans/step";
import { ReasonBadge, RetryBadge, StatusBadge, Tag } from "../../ui/badges";
import { FileIcon } from "../../ui/icons";
import { Line } from "../../ui/text";
import { At, Lasting, Length } from "../../ui/time";
import { artifactUrl } from "./artifact_file";
import { placeOf } from "./gantt_row";

const ROW_PX = 58;

interface StepListProps {
  steps: Step[];
  selected: string | null;
  isStuck: boolean;
  onSelect: (id: string) => void;
}

export function StepList({ steps, selected, isStuck, onSelect }: StepListProps) {
  const texts = useTexts();
  const sorted = useMemo(() => [...steps].sort((one, other) => (one.start ?? one.heard ?? 0) - (other.start ?? other.heard ?? 0)), [steps]);
  const scroller = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer({
    count: sorted.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 8,
    getItemKey: (place) => sorted[place]?.key ?? place,
  });
  useEffect(() => {
    const place = sorted.findIndex((step) => step.key === selected);
    if (place >= 0) virtualizer.scrollToIndex(place, { align: "auto" });
    // Only when another is chosen.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [selected]);
  return (
    <div ref={scroller} tabIndex={0} role="group" aria-label={texts.run.views.list} className="panel max-h-[max(22rem,calc(100dvh-13rem))] overflow-y-auto overflow-x-hidden">
      <ol className="relative" style={{ height: virtualizer.getTotalSize() }}>
        {virtualizer.getVirtualItems().map((item) => {
          const step = sorted[item.index];
          return (
            step && (
              <li key={item.key} ref={virtualizer.measureElement} data-index={item.index} aria-setsize={sorted.length} aria-posinset={item.index + 1} className="absolute inset-x-0 top-0" style={{ transform: `translateY(${item.start}px)` }}>
                <Entry step={step} isSelected={step.key === selected} isStuck={isStuck} onSelect={onSelect} />
              </li>
            )
          );
        })}
      </ol>
    </div>
  );
}

function Entry({ step, isSelected, isStuck, onSelect }: { step: Step; isSelected: boolean; isStuck: boolean; onSelect: (id: string) => void }) {
  const texts = useTexts();
  const isLastAlive = step.isLastAlive && step.status === "RUNNING";
  const isStuckHere = isStuck && isLastAlive;
  const ground = isSelected ? "bg-select" : isStuckHere ? "bg-failed-soft" : isLastAlive ? "bg-running-soft/60" : "hover:bg-raised";
  return (
    <div data-status={step.status} data-last-alive={isLastAlive || undefined} className={`grid min-h-14 grid-cols-[6.5rem_minmax(0,1fr)_auto] items-center gap-x-4 border-b border-line px-4 py-1.5 max-sm:grid-cols-[minmax(0,1fr)_auto] max-sm:px-3 ${ground}`}>
      <div className="max-sm:hidden">
        <StatusBadge status={step.status} />
      </div>
      <div className="min-w-0">
        <div className="flex min-w-0 flex-wrap items-center gap-x-2 gap-y-0.5">
          <span className="sm:hidden">
            <StatusBadge status={step.status} />
          </span>
          <button type="button" className="flex max-w-full min-w-0 text-start font-medium hover:underline" onClick={() => onSelect(step.id)}>
            <Line text={step.name} />
          </button>
          <RetryBadge attempt={step.attempt} />
          {step.status === "FAILED" && <ReasonBadge kind={step.reasonKind} code={step.reasonCode} />}
          {isLastAlive && <span className={`text-xs ${isStuckHere ? "font-medium text-failed-ink" : "text-running-ink"}`}>◂ {isStuckHere ? texts.run.stuckHere : texts.run.lastAlive}</span>}
        </div>
        <div className="flex min-w-0 flex-wrap items-center gap-x-2 text-xs text-ink-3">
          <Line text={placeOf(step)} />
          {step.agent !== "" && <Tag text={step.agent} />}
          {step.artifacts.slice(0, 5).map((artifact) => (
            <a key={artifact.artifact_id} href={artifactUrl(artifact.artifact_id)} target="_blank" rel="noreferrer" className="link inline-flex max-w-44 min-w-0 items-center gap-1">
              <FileIcon />
              <Line text={artifact.file_name === "" ? artifact.artifact_type : artifact.file_name} />
            </a>
          ))}
        </div>
      </div>
      <div className="text-end text-[13px]">
        <div>{step.status === "RUNNING" && step.start !== null ? <Lasting since={step.start} /> : step.start !== null && step.end !== null ? <Length seconds={Math.max(0, step.end - step.start) / 1000} /> : "–"}</div>
        <div className="text-xs text-ink-3">
          <At at={step.start} />
        </div>
      </div>
    </div>
  );
}
