// Any JSON that a step was given or gave back: keys and values one below the other,
// and long texts as texts, not as one line with \n in it.
import { type ReactNode, useState } from "react";
import { useTexts } from "../i18n/language";
import { bytes } from "../format/duration";
import { visible } from "../format/visible";

/** What is longer is cut until somebody asks for all of it. */
const LONGEST_TEXT = 4_000;
const MOST_ENTRIES = 100;
/** What is nested deeper is written as JSON. */
const DEEPEST = 8;

function LongText({ text }: { text: string }) {
  const texts = useTexts();
  const [all, setAll] = useState(false);
  if (all || text.length <= LONGEST_TEXT) return <span className="user-text">{visible(text)}</span>;
  return (
    <>
      <span className="user-text">{visible(text.slice(0, LONGEST_TEXT))}…</span>{" "}
      <button type="button" className="link font-sans" onClick={() => setAll(true)}>
        {texts.common.showAll(bytes(text.length))}
      </button>
    </>
  );
}

function Entries({ entries, depth }: { entries: [string, unknown][]; depth: number }) {
  const texts = useTexts();
  const [all, setAll] = useState(false);
  const shown = all ? entries : entries.slice(0, MOST_ENTRIES);
  return (
    <dl className={depth > 0 ? "border-l border-line pl-3" : ""}>
      {shown.map(([key, value], place) => (
        <div key={place} className={isNested(value) ? "" : "flex flex-wrap gap-x-2"}>
          <dt dir="auto" className="user-text max-w-full text-ink-3">
            {visible(key.length > LONGEST_TEXT ? `${key.slice(0, LONGEST_TEXT)}…` : key)}:
          </dt>
          <dd dir="auto" className="min-w-0 max-w-full">
            {render(value, depth + 1)}
          </dd>
        </div>
      ))}
      {shown.length < entries.length && (
        <button type="button" className="link font-sans" onClick={() => setAll(true)}>
          {texts.common.showAll(entries.length.toLocaleString())}
        </button>
      )}
    </dl>
  );
}

function isNested(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length > 0;
}

function render(value: unknown, depth: number): ReactNode {
  if (typeof value === "string") return <LongText text={value} />;
  if (typeof value !== "object" || value === null) return <span className="text-accent">{String(value)}</span>;
  const entries: [string, unknown][] = Array.isArray(value)
    ? value.map((item, place) => [place.toString(), item])
    : Object.entries(value);
  if (entries.length === 0) return <span className="text-ink-3">{Array.isArray(value) ? "[]" : "{}"}</span>;
  if (depth > DEEPEST) return <LongText text={JSON.stringify(value)} />;
  return <Entries entries={entries} depth={depth} />;
}

export function Value({ value }: { value: unknown }) {
  return <div className="font-mono text-xs leading-5">{render(value, 0)}</div>;
}

/** A value in one line, for where there is no room: `from: hk, accounts: 1204`. */
export function brief(value: unknown): string {
  if (typeof value === "string") return value;
  if (value === undefined || value === null) return "";
  if (typeof value !== "object") return JSON.stringify(value);
  const entries = Object.entries(value).slice(0, 20);
  const part = (item: unknown) => (typeof item === "object" && item !== null ? JSON.stringify(item).slice(0, 200) : String(item).slice(0, 200));
  return Array.isArray(value) ? entries.map(([, item]) => part(item)).join(", ") : entries.map(([key, item]) => `${key}: ${part(item)}`).join(", ");
}
