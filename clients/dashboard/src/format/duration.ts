// Lengths of time and sizes, for people.

/** The names of the units, in the language of the page. */
export interface Units {
  ms: string;
  s: string;
  m: string;
  h: string;
  d: string;
}

export const ENGLISH_UNITS: Units = { ms: "ms", s: "s", m: "m", h: "h", d: "d" };

/**
 * A length of time with at most two units: "7ms", "3.7s", "1m 12s", "2h 5m", "3d 4h".
 * `whole` leaves out parts of a second, for ages that tick.
 */
export function duration(seconds: number, units: Units = ENGLISH_UNITS, whole = false): string {
  if (!Number.isFinite(seconds)) return "–";
  const length = Math.max(0, seconds);
  if (whole || length >= 60) return wholeUnits(Math.floor(length), units);
  if (length < 1) {
    const ms = length * 1000;
    // What would round up to a second is one.
    if (ms < 999.5) return ms > 0 && ms < 1 ? `<1${units.ms}` : `${Math.round(ms)}${units.ms}`;
    return `1.0${units.s}`;
  }
  const tenths = Math.floor(length * 10) / 10;
  return `${length < 10 ? tenths.toFixed(1) : Math.floor(length)}${units.s}`;
}

/** A time on an axis, whose marks are even: "0", "200ms", "2s", "1m 30s". */
export function tickLabel(seconds: number, units: Units = ENGLISH_UNITS): string {
  if (seconds === 0) return "0";
  if (seconds < 0) return `−${tickLabel(-seconds, units)}`;
  return Number.isInteger(seconds) || seconds >= 60 ? duration(seconds, units, true) : duration(seconds, units);
}

function wholeUnits(length: number, units: Units): string {
  const day = Math.floor(length / 86_400);
  const hour = Math.floor((length % 86_400) / 3_600);
  const minute = Math.floor((length % 3_600) / 60);
  const second = length % 60;
  const pair = (large: number, largeUnit: string, small: number, smallUnit: string) =>
    small > 0 ? `${large}${largeUnit} ${small}${smallUnit}` : `${large}${largeUnit}`;
  if (day > 0) return pair(day, units.d, hour, units.h);
  if (hour > 0) return pair(hour, units.h, minute, units.m);
  if (minute > 0) return pair(minute, units.m, second, units.s);
  return `${second}${units.s}`;
}

/** A number of bytes: "266 B", "4.1 KB", "1.2 GB". */
export function bytes(size: number): string {
  if (!Number.isFinite(size) || size < 0) return "–";
  const units = ["B", "KB", "MB", "GB", "TB"];
  let value = size;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const shown = unit === 0 || value >= 100 ? Math.round(value) : Math.round(value * 10) / 10;
  return `${shown} ${units[unit] ?? "B"}`;
}
