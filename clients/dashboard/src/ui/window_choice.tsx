// How far back a page looks.
import { type WindowName, WINDOWS } from "../filters/runs";
import { useTexts } from "../i18n/language";

export function WindowChoice({ value, onChange }: { value: WindowName; onChange: (window: WindowName) => void }) {
  const texts = useTexts();
  return (
    <div role="radiogroup" aria-label={texts.common.window} className="inline-flex rounded-md border border-line bg-surface p-0.5">
      {(Object.keys(WINDOWS) as WindowName[]).map((window) => (
        <button
          key={window}
          type="button"
          role="radio"
          aria-checked={window === value}
          aria-label={texts.common.windows[window]}
          className="rounded px-2 py-0.5 text-xs font-medium text-ink-2 hover:text-ink aria-checked:bg-raised aria-checked:text-ink"
          onClick={() => onChange(window)}
        >
          {window}
        </button>
      ))}
    </div>
  );
}
