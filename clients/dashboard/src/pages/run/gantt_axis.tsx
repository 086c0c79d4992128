// The times above the timeline, counted from the run's start. A stretch that is dragged
// over becomes what is in view.
import { type PointerEvent, useRef, useState } from "react";
import { tickLabel } from "../../format/duration";
import { utcTime } from "../../format/time";
import { useTexts } from "../../i18n/language";
import { ticks, type View } from "../../spans/timescale";

/** Less than this is a click, not a stretch. */
const LEAST_PX = 6;

export function Axis({ view, origin, onSelect }: { view: View; origin: number; onSelect: (view: View) => void }) {
  const texts = useTexts();
  const track = useRef<HTMLDivElement>(null);
  const [drag, setDrag] = useState<{ from: number; to: number } | null>(null);
  const length = view.to - view.from;
  const at = (event: PointerEvent) => {
    const box = track.current?.getBoundingClientRect();
    return box && box.width > 0 ? Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) : 0;
  };
  const done = () => {
    const width = track.current?.clientWidth ?? 0;
    if (drag && Math.abs(drag.to - drag.from) * width >= LEAST_PX) {
      const [left, right] = [Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)];
      onSelect({ from: view.from + left * length, to: view.from + Math.max(right, left + 1 / Math.max(1, length)) * length });
    }
    setDrag(null);
  };
  return (
    <div aria-hidden="true" className="gantt-grid border-b border-line bg-raised text-xs text-ink-3 select-none">
      <div className="px-3 py-1 max-sm:hidden">{texts.common.step}</div>
      <div
        ref={track}
        className="relative h-6 cursor-col-resize touch-pan-y overflow-hidden"
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          setDrag({ from: at(event), to: at(event) });
        }}
        onPointerMove={(event) => drag && setDrag({ ...drag, to: at(event) })}
        onPointerUp={done}
        onPointerCancel={() => setDrag(null)}
      >
        {ticks(view, origin, 7).map((tick) => (
          <span key={tick} title={utcTime(tick)} className="numeric absolute top-1 border-l border-line-strong pl-1 whitespace-nowrap" style={{ left: `${((tick - view.from) / length) * 100}%` }}>
            {tickLabel((tick - origin) / 1000, texts.units)}
          </span>
        ))}
        {drag && <span className="absolute inset-y-0 bg-running/30" style={{ left: `${Math.min(drag.from, drag.to) * 100}%`, width: `${Math.abs(drag.to - drag.from) * 100}%` }} />}
      </div>
    </div>
  );
}
