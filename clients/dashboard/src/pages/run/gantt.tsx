// The timeline: a row a step, nested, with its bar in time. Only the rows in view are
// there. Arrow keys move, open and collapse; + - 0 zoom; Enter shows the details.
import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useNow } from "../../app/clock";
import { useNarrow } from "../../app/narrow";
import { useTexts } from "../../i18n/language";
import { findSteps } from "../../spans/search";
import type { Step } from "../../spans/step";
import { extent, isWhole, pan, roomAhead, type View, zoom } from "../../spans/timescale";
import { ancestorsOf, buildTree, parentsOf, type Row, rowsOf } from "../../spans/tree";
import { Empty } from "../../ui/states";
import { Axis } from "./gantt_axis";
import { GanttRow } from "./gantt_row";
import { GanttToolbar } from "./gantt_toolbar";

const ROW_PX = 28;
const NARROW_ROW_PX = 46;

interface GanttProps {
  steps: Step[];
  query: string;
  selected: string | null;
  isStuck: boolean;
  onQuery: (query: string) => void;
  onSelect: (id: string | null) => void;
}

export function Gantt({ steps, query, selected, isStuck, onQuery, onSelect }: GanttProps) {
  const texts = useTexts();
  const isNarrow = useNarrow();
  const tree = useMemo(() => buildTree(steps), [steps]);
  const found = useMemo(() => findSteps(steps, query), [steps, query]);
  const [collapsed, setCollapsed] = useState<ReadonlySet<string>>(() => new Set());
  const rows = useMemo(() => rowsOf(tree, collapsed, found), [tree, collapsed, found]);
  const whole = useWhole(steps);
  const [chosen, setView] = useState<View | null>(null);
  const view = chosen ?? whole;
  const [active, setActive] = useState<string | null>(selected);

  // What is chosen elsewhere is opened and shown.
  const scroller = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => (isNarrow ? NARROW_ROW_PX : ROW_PX),
    overscan: 12,
    getItemKey: (place) => rows[place]?.node.step.key ?? place,
  });
  useEffect(() => virtualizer.measure(), [isNarrow, virtualizer]);
  const toShow = useRef<string | null>(selected);
  useEffect(() => {
    toShow.current = selected;
    if (selected === null) return;
    setActive(selected);
    const above = ancestorsOf(steps, selected);
    setCollapsed((now) => (above.some((key) => now.has(key)) ? new Set([...now].filter((key) => !above.includes(key))) : now));
    // Only when another is chosen, not when the steps change.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [selected]);
  useEffect(() => {
    if (toShow.current === null) return;
    const place = rows.findIndex((row) => row.node.step.key === toShow.current);
    if (place < 0) return;
    toShow.current = null;
    virtualizer.scrollToIndex(place, { align: "auto" });
  }, [rows, virtualizer, selected]);

  const toggle = useCallback((key: string) => {
    setCollapsed((now) => {
      const next = new Set(now);
      if (!next.delete(key)) next.add(key);
      return next;
    });
  }, []);
  const pick = useCallback(
    (step: Step) => {
      setActive(step.key);
      onSelect(step.id);
    },
    [onSelect],
  );

  const place = rows.findIndex((row) => row.node.step.key === active);
  const go = (next: number) => {
    const row = rows[Math.min(rows.length - 1, Math.max(0, next))];
    if (!row) return;
    setActive(row.node.step.key);
    virtualizer.scrollToIndex(rows.indexOf(row), { align: "auto" });
    // Where the details are open, they follow.
    if (selected !== null) onSelect(row.node.step.id);
  };
  const pressed = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const row = rows[place];
    const keys = new Map<string, () => void>([
      ["ArrowDown", () => go(place + 1)],
      ["ArrowUp", () => go(place - 1)],
      ["PageDown", () => go(place + 15)],
      ["PageUp", () => go(place - 15)],
      ["Home", () => go(0)],
      ["End", () => go(rows.length - 1)],
      ["ArrowRight", () => row && (row.isOpen || row.node.children.length === 0 ? go(place + 1) : toggle(row.node.step.key))],
      ["ArrowLeft", () => row && (row.isOpen ? toggle(row.node.step.key) : go(parentPlace(rows, place)))],
      ["Enter", () => row && onSelect(row.node.step.id)],
      [" ", () => row && onSelect(row.node.step.id)],
      ["Escape", () => onSelect(null)],
      ["+", () => setView(zoom(view, whole, 0.6, 0.5))],
      ["=", () => setView(zoom(view, whole, 0.6, 0.5))],
      ["-", () => setView(zoom(view, whole, 1 / 0.6, 0.5))],
      ["0", () => setView(null)],
    ]);
    const act = keys.get(event.key);
    if (!act) return;
    event.preventDefault();
    act();
  };
  useWheel(scroller, view, whole, setView);

  return (
    <div className="panel min-w-0 overflow-hidden">
      <GanttToolbar
        query={query}
        found={found?.size}
        onQuery={onQuery}
        isZoomed={!isWhole(view, whole)}
        onZoom={(factor) => setView(zoom(view, whole, factor, 0.5))}
        onPan={(by) => setView(pan(view, whole, by))}
        onFit={() => setView(null)}
        onExpand={() => setCollapsed(new Set())}
        onCollapse={() => setCollapsed(parentsOf(tree))}
      />
      <Axis view={view} origin={whole.from} onSelect={setView} />
      <div
        ref={scroller}
        role="tree"
        tabIndex={0}
        aria-label={texts.run.views.timeline}
        aria-activedescendant={active !== null && place >= 0 ? `step-${active}` : undefined}
        onKeyDown={pressed}
        onFocus={() => {
          if (active === null) setActive(rows[0]?.node.step.key ?? null);
        }}
        className="peer group/tree max-h-[max(22rem,calc(100dvh-15rem))] overflow-y-auto overflow-x-hidden outline-none focus-visible:shadow-[inset_0_0_0_2px_var(--focus)]"
      >
        {rows.length === 0 ? (
          <Empty>{texts.run.found(0)}</Empty>
        ) : (
          <div role="presentation" className="relative" style={{ height: virtualizer.getTotalSize() }}>
            {virtualizer.getVirtualItems().map((item) => {
              const row = rows[item.index];
              return (
                row && (
                  <GanttRow
                    key={item.key}
                    row={row}
                    top={item.start}
                    height={item.size}
                    from={view.from}
                    to={view.to}
                    isNarrow={isNarrow}
                    isActive={row.node.step.key === active}
                    isSelected={row.node.step.key === selected}
                    isStuck={isStuck}
                    isFound={found?.has(row.node.step.key) ?? false}
                    onToggle={toggle}
                    onPick={pick}
                  />
                )
              );
            })}
          </div>
        )}
      </div>
    </div>
  );
}

function parentPlace(rows: Row[], place: number): number {
  const depth = rows[place]?.depth ?? 0;
  for (let above = place - 1; above >= 0; above -= 1) if ((rows[above]?.depth ?? 0) < depth) return above;
  return place;
}

/** From the first start to the last end, with room ahead while it runs. Changes only when it has to. */
function useWhole(steps: Step[]): View {
  const now = useNow();
  const isRunning = useMemo(() => steps.some((step) => step.status === "RUNNING"), [steps]);
  const spans = useMemo(() => steps.map(({ start, end, status }) => ({ start, end, isRunning: status === "RUNNING" })), [steps]);
  const { from, to } = roomAhead(extent(spans, now), isRunning);
  return useMemo(() => ({ from, to }), [from, to]);
}

/** Ctrl and the wheel zoom about the pointer; the wheel sideways, or with shift, moves. */
function useWheel(scroller: React.RefObject<HTMLDivElement | null>, view: View, whole: View, setView: (view: View) => void) {
  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const turned = (event: WheelEvent) => {
      const track = element.querySelector("[data-track]")?.getBoundingClientRect();
      if (!track || track.width === 0) return;
      const sideways = event.shiftKey ? event.deltaY : event.deltaX;
      if (event.ctrlKey) {
        event.preventDefault();
        const about = Math.min(1, Math.max(0, (event.clientX - track.left) / track.width));
        setView(zoom(view, whole, Math.exp(event.deltaY * 0.002), about));
      } else if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)) {
        event.preventDefault();
        setView(pan(view, whole, sideways / track.width));
      }
    };
    // Else the browser would zoom and go back by itself.
    element.addEventListener("wheel", turned, { passive: false });
    return () => element.removeEventListener("wheel", turned);
  }, [scroller, view, whole, setView]);
}
