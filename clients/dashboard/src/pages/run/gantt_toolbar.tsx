// What one does to the timeline by mouse: find, zoom, move, open and collapse.
import { useEffect, useRef, useState } from "react";
import { useTexts } from "../../i18n/language";
import { FitIcon, MinusIcon, PlusIcon, SearchIcon } from "../../ui/icons";

interface GanttToolbarProps {
  query: string;
  found: number | undefined;
  isZoomed: boolean;
  onQuery: (query: string) => void;
  onZoom: (factor: number) => void;
  onPan: (by: number) => void;
  onFit: () => void;
  onExpand: () => void;
  onCollapse: () => void;
}

const TYPING_MS = 150;

export function GanttToolbar(props: GanttToolbarProps) {
  const { run } = useTexts();
  return (
    <div className="flex flex-wrap items-center gap-2 border-b border-line px-3 py-2">
      <Search query={props.query} onQuery={props.onQuery} />
      <span role="status" className="numeric text-xs text-ink-3">
        {props.found === undefined ? "" : run.found(props.found)}
      </span>
      <div className="ms-auto flex flex-wrap items-center gap-1 max-sm:ms-0">
        <button type="button" className="button" onClick={props.onExpand}>
          {run.expandAll}
        </button>
        <button type="button" className="button" onClick={props.onCollapse}>
          {run.collapseAll}
        </button>
        <span aria-hidden="true" className="mx-1 h-5 w-px bg-line max-sm:hidden" />
        <button type="button" className="button w-8 px-0! max-sm:hidden" aria-label={run.earlier} title={run.earlier} disabled={!props.isZoomed} onClick={() => props.onPan(-0.4)}>
          ‹
        </button>
        <button type="button" className="button w-8 px-0!" aria-label={run.zoomOut} title={run.zoomOut} disabled={!props.isZoomed} onClick={() => props.onZoom(1 / 0.5)}>
          <MinusIcon />
        </button>
        <button type="button" className="button w-8 px-0!" aria-label={run.fit} title={run.fit} disabled={!props.isZoomed} onClick={props.onFit}>
          <FitIcon />
        </button>
        <button type="button" className="button w-8 px-0!" aria-label={run.zoomIn} title={run.zoomIn} onClick={() => props.onZoom(0.5)}>
          <PlusIcon />
        </button>
        <button type="button" className="button w-8 px-0! max-sm:hidden" aria-label={run.later} title={run.later} disabled={!props.isZoomed} onClick={() => props.onPan(0.4)}>
          ›
        </button>
      </div>
    </div>
  );
}

function Search({ query, onQuery }: { query: string; onQuery: (query: string) => void }) {
  const { run } = useTexts();
  const [typed, setTyped] = useState(query);
  const sent = useRef(query);
  useEffect(() => {
    if (query !== sent.current) {
      sent.current = query;
      setTyped(query);
    }
  }, [query]);
  const send = useRef(onQuery);
  useEffect(() => {
    send.current = onQuery;
  });
  useEffect(() => {
    if (typed === sent.current) return;
    const timer = setTimeout(() => {
      sent.current = typed;
      send.current(typed);
    }, TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  return (
    <label className="relative flex items-center text-ink-3 max-sm:w-full">
      <span className="pointer-events-none absolute left-2">
        <SearchIcon />
      </span>
      <input
        type="search"
        data-search
        value={typed}
        dir="auto"
        aria-label={run.search}
        placeholder={run.search}
        autoComplete="off"
        spellCheck={false}
        className="field w-60 ps-7! max-sm:w-full"
        onChange={(event) => setTyped(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") setTyped("");
        }}
      />
    </label>
  );
}
