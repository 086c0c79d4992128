// Server-sent events, read from the bytes as they come (WHATWG HTML, 9.2). By fetch and
// not by EventSource, which tells neither the status of an answer nor whether silence
// means that the line is dead.

export interface ServerEvent {
  type: string;
  data: string;
  /** The last id that was sent, on this event or before it. */
  id: string;
}

/** More than this without an end of a line is no event stream. */
const LONGEST = 16 * 1024 * 1024;

export class EventParser {
  #rest = "";
  #data: string[] = [];
  #type = "";
  #id = "";
  /** Where to go on: the last id that was sent, also by an event without data. */
  lastId = "";
  /** What the server asks to wait before the next try, in milliseconds. */
  retryMs: number | null = null;

  /** The events that are complete with this piece of text. */
  push(piece: string): ServerEvent[] {
    const events: ServerEvent[] = [];
    let text = this.#rest + piece;
    // The line feed of a CR LF may be in the next piece.
    let held = "";
    if (text.endsWith("\r")) {
      text = text.slice(0, -1);
      held = "\r";
    }
    const lines = text.split(/\r\n|\r|\n/);
    this.#rest = (lines.pop() ?? "") + held;
    if (this.#rest.length > LONGEST) throw new Error("a line of the event stream has no end");
    for (const line of lines) {
      const event = this.#line(line);
      if (event) events.push(event);
    }
    return events;
  }

  #line(line: string): ServerEvent | null {
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    // A comment: that the line is alive.
    if (colon === 0) return null;
    const field = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? "" : line.slice(colon + 1);
    if (value.startsWith(" ")) value = value.slice(1);
    if (field === "data") this.#data.push(value);
    else if (field === "event") this.#type = value;
    else if (field === "id" && !value.includes("\0")) this.#id = value;
    else if (field === "retry" && /^\d+$/.test(value)) this.retryMs = Number(value);
    return null;
  }

  #dispatch(): ServerEvent | null {
    const [data, type] = [this.#data, this.#type];
    this.#data = [];
    this.#type = "";
    this.lastId = this.#id;
    return data.length === 0 ? null : { type: type === "" ? "message" : type, data: data.join("\n"), id: this.#id };
  }
}
