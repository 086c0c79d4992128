// Instants, for people: local time to read, UTC to compare with a log.

/** Milliseconds since 1970 of an RFC 3339 text; `null` where there is none. */
export function instant(text: string | null | undefined): number | null {
  if (text === null || text === undefined || text === "") return null;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : at;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function format(locale: string, key: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const id = `${locale} ${key}`;
  let known = formats.get(id);
  if (!known) {
    known = new Intl.DateTimeFormat(locale, options);
    formats.set(id, known);
  }
  return known;
}

/** A local time: the hour today, the day before that, and the year before this one. */
export function localTime(at: number, now: number, locale: string): string {
  const then = new Date(at);
  const today = new Date(now);
  const clock = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" } as const;
  if (then.toDateString() === today.toDateString()) return format(locale, "clock", clock).format(then);
  const day = { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
  if (then.getFullYear() === today.getFullYear()) return format(locale, "day", day).format(then);
  return format(locale, "year", { ...day, year: "numeric" }).format(then);
}

/** The same instant in UTC, to the millisecond: "2026-11-25 07:10:03.120 UTC". */
export function utcTime(at: number): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? "" : `${date.toISOString().replace("T", " ").replace("Z", "")} UTC`;
}
