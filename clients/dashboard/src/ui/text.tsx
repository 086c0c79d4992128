// Texts that executors sent: shown, never run, each with a direction of its own.
import { memo } from "react";
import { useTexts } from "../i18n/language";
import { visible, visibleLine } from "../format/visible";

/** More than this is cut in one line: nobody reads on, and the browser would lay it all out. */
const LONGEST_LINE = 400;

/** A name, in one line. What doesn't fit is in the title. */
export const Line = memo(function Line({ text, className = "" }: { text: string; className?: string }) {
  const texts = useTexts();
  if (text === "") return <span className={`text-ink-3 italic ${className}`}>{texts.common.unnamed}</span>;
  const shown = visibleLine(text.length > LONGEST_LINE ? `${text.slice(0, LONGEST_LINE)}…` : text);
  return (
    <bdi dir="auto" className={`user-line ${className}`} title={shown}>
      {shown}
    </bdi>
  );
});

/** A text of many lines, as it was sent. */
export function Paragraph({ text, className = "" }: { text: string; className?: string }) {
  return (
    <div dir="auto" className={`user-text ${className}`}>
      {visible(text)}
    </div>
  );
}
