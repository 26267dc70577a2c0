/** A clock that advances only on demand, and then runs the due timers in order. */
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

  /** Advances the clock, and runs all timers that are due until then, including new ones. */
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

/** Runs the continuations of promises that are already resolved. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await Promise.resolve();
}
