/** A clock that moves only on demand; what is due runs in order. */
export class VirtualTime {
  nowMs = Date.parse('2026-11-24T07:00:00.000Z');
  #due: { atMs: number; order: number; run: () => void }[] = [];
  #order = 0;

  readonly at = (atMs: number, run: () => void): unknown => {
    const entry = { atMs, order: this.#order++, run };
    this.#due.push(entry);
    return entry;
  };

  readonly setTimer = (run: () => void, delayMs: number): unknown =>
    this.at(this.nowMs + delayMs, run);

  readonly clearTimer = (timer: unknown): void => {
    this.#due = this.#due.filter((entry) => entry !== timer);
  };

  /** Runs everything that comes due within so many milliseconds, and what that brings about. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.nowMs + ms;
    for (;;) {
      await settled();
      this.#due.sort((one, other) => one.atMs - other.atMs || one.order - other.order);
      const next = this.#due[0];
      if (next === undefined || next.atMs > untilMs) break;
      this.#due.shift();
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.run();
    }
    this.nowMs = untilMs;
  }
}

/** Lets promises that are already resolved run. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await Promise.resolve();
}
