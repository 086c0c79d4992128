// Payment card numbers: 13 to 19 digits, in one piece or in a card's groups, of
// a known issuer, with a right check digit. The issuer matters: one number in
// ten passes the check, and times in nanoseconds have 19 digits.
import type { Bytes } from "./bytes.js";
import type { Range } from "./range.js";

/** Whether a number without sign, in decimal digits, is a card's. */
export function isCardNumber(digits: string): boolean {
  return isCard(digits, false);
}

/** Collects card numbers. */
export function findCards(text: Bytes, found: Range[]): void {
  let at = 0;
  while (at < text.length) {
    if (!isDigit(text[at])) {
      at += 1;
      continue;
    }
    const end = digitRun(text, at);
    const card = cardAt(text, at, end);
    if (card !== undefined) {
      found.push([at, card]);
    }
    at = card ?? end;
  }
}

function isDigit(character: string | undefined): boolean {
  return character !== undefined && character >= "0" && character <= "9";
}

function digitRun(text: Bytes, from: number): number {
  while (isDigit(text[from])) {
    from += 1;
  }
  return from;
}

function cardAt(text: Bytes, start: number, run: number): number | undefined {
  // Part of a word, an id or a decimal fraction.
  if (start > 0 && /[A-Za-z0-9_.]/.test(text[start - 1] ?? "")) {
    return undefined;
  }
  let digits = text.slice(start, Math.min(run, start + 20));
  let end = run;
  const grouped = run - start === 4;
  if (grouped) {
    const separator = text[run];
    if (separator !== " " && separator !== "-") {
      return undefined;
    }
    // 4-4-4-4, 4-4-4-4-3, 4-6-5, 4-6-4
    while (text[end] === separator) {
      const next = digitRun(text, end + 1);
      if (next === end + 1 || next - end - 1 > 6 || next - start > 23) {
        break;
      }
      digits += text.slice(end + 1, next);
      end = next;
    }
  }
  const fraction = text[end] === "." && isDigit(text[end + 1]);
  const closed = !/[A-Za-z0-9_]/.test(text[end] ?? "");
  return closed && !fraction && isCard(digits, grouped) ? end : undefined;
}

function isCard(digits: string, grouped: boolean): boolean {
  const prefix = Number(digits.slice(0, 4));
  const within = (...ranges: [number, number][]) =>
    ranges.some(([from, to]) => prefix >= from && prefix <= to);
  let known: boolean;
  switch (digits.length) {
    case 13:
      known = within([4000, 4999]);
      break;
    case 14:
      known = within([3000, 3059], [3600, 3699], [3800, 3999]);
      break;
    case 15:
      known = within([3400, 3499], [3700, 3799]);
      break;
    case 16:
      known = within(
        [4000, 4999], [5100, 5599], [2200, 2204], [2221, 2720], [6011, 6011], [6440, 6599],
        [3528, 3589], [6200, 6299],
      );
      break;
    case 17:
    case 18:
      known = within([6200, 6299]);
      break;
    case 19:
      known = grouped ? within([4000, 4999], [6200, 6299]) : within([6200, 6299]);
      break;
    default:
      return false;
  }
  return known && passesLuhn(digits);
}

function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let index = 0; index < digits.length; index += 1) {
    const digit = Number(digits[digits.length - 1 - index]);
    const doubled = index % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}
