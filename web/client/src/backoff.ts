/** Waiting times between attempts: exponential, with full jitter, so that clients spread out. */

export interface Backoff {
  readonly firstMs: number;
  readonly maxMs: number;
}

/**
 * The wait before the next attempt, in milliseconds.
 *
 * @param failures Attempts that failed in a row, 1 or more.
 * @param random Uniform in [0, 1).
 */
export function backoffMs(failures: number, random: number, { firstMs, maxMs }: Backoff): number {
  return random * Math.min(maxMs, firstMs * 2 ** (failures - 1));
}
