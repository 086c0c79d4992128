// Shows characters that would otherwise hide, reorder or end a text. What executors
// send is anybody's: a name may hold a NUL, a right-to-left override or nothing that
// can be seen at all.

/** Control characters, save tab and line feed; what orders text; what has no width; lone surrogates. */
const HIDDEN =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff]|\p{Cs}/gu;

/** Likewise with tab and line feed, for texts of one line. */
const HIDDEN_IN_LINE = /[\t\n]/g;

function name(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  // The pictures that Unicode has for these: ␀ … ␟ and ␡.
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return "\u2421";
  return `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
}

/** The text with every hidden character named; lines and tabs stay. */
export function visible(text: string): string {
  return text.replace(/\r\n/g, "\n").replace(HIDDEN, name);
}

/** The same for a text that is shown in one line. */
export function visibleLine(text: string): string {
  return visible(text).replace(HIDDEN_IN_LINE, name);
}
