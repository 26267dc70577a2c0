/** The marker's way from where it is shown to where the truck was seen last. */

import { distanceM, turned } from './geodesy.js';
import type { Truck } from './scene.js';

/** How long the marker takes, in ms: less than the time between two updates near the destination. */
export const GLIDE_MS = 1500;

/** Farther than this it jumps: nothing is known of the way between, in metres. */
export const JUMP_FROM_M = 5000;

export interface Glide {
  readonly from: Truck;
  readonly to: Truck;
  readonly startMs: number;
  readonly durationMs: number;
}

/** Plans the way; without motion where that was asked for. */
export function glideTo(
  shown: Truck | null,
  to: Truck,
  nowMs: number,
  reducedMotion: boolean,
): Glide {
  const jumps = shown === null || reducedMotion || distanceM(shown, to) > JUMP_FROM_M;
  return { from: shown ?? to, to, startMs: nowMs, durationMs: jumps ? 0 : GLIDE_MS };
}

/** Where the marker is at a time. */
export function truckAt({ from, to, startMs, durationMs }: Glide, nowMs: number): Truck {
  const elapsed = durationMs === 0 ? 1 : Math.min(1, Math.max(0, (nowMs - startMs) / durationMs));
  const fraction = elapsed * elapsed * (3 - 2 * elapsed); // starts and ends gently
  if (fraction === 1) return to;
  const between = (one: number, other: number) => one + (other - one) * fraction;
  return {
    ...to,
    lat: between(from.lat, to.lat),
    lon: between(from.lon, to.lon),
    heading_deg:
      from.heading_deg === null || to.heading_deg === null
        ? to.heading_deg
        : turned(from.heading_deg, to.heading_deg, fraction),
    accuracy_m:
      from.accuracy_m === null || to.accuracy_m === null
        ? to.accuracy_m
        : between(from.accuracy_m, to.accuracy_m),
  };
}

export function isOver({ startMs, durationMs }: Glide, nowMs: number): boolean {
  return nowMs >= startMs + durationMs;
}
