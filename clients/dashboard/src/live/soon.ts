// Does something soon, once for all that ask within a while: a busy server tells of
// hundreds of changes a second, and one answer holds them all.

export class Soon {
  #timer: ReturnType<typeof setTimeout> | null = null;
  #last = Number.NEGATIVE_INFINITY;

  /** At most once in `everyMs`. */
  constructor(
    private readonly run: () => void,
    private readonly everyMs: number,
  ) {}

  ask(): void {
    if (this.#timer !== null) return;
    const wait = Math.max(0, this.#last + this.everyMs - Date.now());
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#last = Date.now();
      this.run();
    }, wait);
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
