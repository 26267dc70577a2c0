/** The marker's way from where it is shown to where the truck was seen last. */

import { distanceM, turned } from './geodesy.js';
import type { Point } from './scene.js';

/** What glides: more than this of it is taken from where it glides to. */
export interface Mover extends Point {
  readonly heading_deg: number | null;
  readonly accuracy_m?: number | null;
}

/** How long the marker takes, in ms: less than the time between two updates near the destination. */
export const GLIDE_MS = 1500;

/** Farther than this it jumps: nothing is known of the way between, in metres. */
export const JUMP_FROM_M = 5000;

export interface Glide<T extends Mover> {
  readonly from: T;
  readonly to: T;
  readonly startMs: number;
  readonly durationMs: number;
}

/** Plans the way; without motion where that was requested. */
export function glideTo<T extends Mover>(
  shown: T | null,
  to: T,
  nowMs: number,
  reducedMotion: boolean,
): Glide<T> {
  const jumps = shown === null || reducedMotion || distanceM(shown, to) > JUMP_FROM_M;
  return { from: shown ?? to, to, startMs: nowMs, durationMs: jumps ? 0 : GLIDE_MS };
}

/** Where the marker is at a time. */
export function truckAt<T extends Mover>(
  { from, to, startMs, durationMs }: Glide<T>,
  nowMs: number,
): T {
  const elapsed = durationMs === 0 ? 1 : Math.min(1, Math.max(0, (nowMs - startMs) / durationMs));
  const fraction = elapsed * elapsed * (3 - 2 * elapsed); // starts and ends gently
  if (fraction === 1) return to;
  const between = (one: number, other: number) => one + (other - one) * fraction;
  // The shorter way round the world.
  const east = to.lon - from.lon;
  const turn = east > 180 ? east - 360 : east < -180 ? east + 360 : east;
  return {
    ...to,
    lat: between(from.lat, to.lat),
    lon: from.lon + turn * fraction,
    heading_deg:
      from.heading_deg === null || to.heading_deg === null
        ? to.heading_deg
        : turned(from.heading_deg, to.heading_deg, fraction),
    ...(from.accuracy_m == null || to.accuracy_m == null
      ? {}
      : { accuracy_m: between(from.accuracy_m, to.accuracy_m) }),
  };
}

export function isOver({ startMs, durationMs }: Glide<Mover>, nowMs: number): boolean {
  return nowMs >= startMs + durationMs;
}
