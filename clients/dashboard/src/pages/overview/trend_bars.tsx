// Counts over time as bars: the height by the greatest of them.

const HEIGHT = 28;

export function TrendBars({ counts, className, label, seconds }: { counts: number[]; className: string; label: string; seconds: number }) {
  const most = Math.max(1, ...counts);
  const slots = counts.length > 0 ? counts : new Array<number>(32).fill(0);
  return (
    <div role="img" aria-label={label} data-seconds={seconds} className="mt-2 flex items-end gap-px" style={{ height: HEIGHT }}>
      {slots.map((count, place) => (
        <div
          key={place}
          className={`min-w-0 flex-1 rounded-[1px] ${count > 0 ? className : "bg-line"}`}
          style={{ height: count > 0 ? Math.max(4, (count / most) * HEIGHT) : 2 }}
        />
      ))}
    </div>
  );
}
