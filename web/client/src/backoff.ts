/** The wait between attempts: exponential with full jitter, so that clients spread out. */

export interface Backoff {
  /** The longest wait after the first failed attempt. It doubles with each further one. */
  readonly firstMs: number;
  /** The longest wait of all. */
  readonly maxMs: number;
}

/**
 * Returns the wait before the next attempt, in milliseconds.
 *
 * @param failures - Attempts that failed in a row, 1 or more.
 * @param random - Uniform in [0, 1).
 */
export function backoffMs(failures: number, random: number, { firstMs, maxMs }: Backoff): number {
  return random * Math.min(maxMs, firstMs * 2 ** (failures - 1));
}
