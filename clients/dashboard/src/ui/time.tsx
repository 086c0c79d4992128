// Instants and ages. Local time, with UTC in the title; ages tick by the page's clock.
import { useNow } from "../app/clock";
import { duration } from "../format/duration";
import { localTime, utcTime } from "../format/time";
import { useLocale, useTexts } from "../i18n/language";

/** An instant, in milliseconds. */
export function At({ at, className = "" }: { at: number | null; className?: string }) {
  const locale = useLocale();
  const texts = useTexts();
  if (at === null) return <span className="text-ink-3">{texts.time.never}</span>;
  return (
    <time dateTime={new Date(at).toISOString()} title={utcTime(at)} className={`numeric whitespace-nowrap ${className}`}>
      {localTime(at, Date.now(), locale)}
    </time>
  );
}

/** How long ago: "3m 12s ago". Clocks differ a little; what lies ahead is "just now". */
export function Ago({ at, className = "" }: { at: number | null; className?: string }) {
  const now = useNow();
  const texts = useTexts();
  if (at === null) return <span className="text-ink-3">{texts.time.never}</span>;
  const seconds = (now - at) / 1000;
  return (
    <time dateTime={new Date(at).toISOString()} title={utcTime(at)} className={`numeric whitespace-nowrap ${className}`}>
      {seconds < 2 ? texts.time.justNow : texts.time.ago(duration(seconds, texts.units, true))}
    </time>
  );
}

/** How long something takes: from `since` to now, or so many seconds. */
export function Lasting({ since, className = "" }: { since: number; className?: string }) {
  const now = useNow();
  const texts = useTexts();
  return <span className={`numeric whitespace-nowrap ${className}`}>{duration((now - since) / 1000, texts.units, true)}</span>;
}

export function Length({ seconds, className = "" }: { seconds: number; className?: string }) {
  const texts = useTexts();
  return <span className={`numeric whitespace-nowrap ${className}`}>{duration(seconds, texts.units)}</span>;
}
