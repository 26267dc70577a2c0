/** Animates a marker from its shown position to the truck's latest position. */

import { distanceM, interpolateHeading } from './geodesy.js';
import type { Point } from './scene.js';

/** The animated fields of a marker. All other fields are taken from the target. */
export interface AnimatedMarker extends Point {
  readonly heading_deg: number | null;
  readonly accuracy_m?: number | null;
}

/** Duration of an animation, in ms. */
export const ANIMATION_MS = 1500;

/** Maximum distance in metres. Beyond it the marker jumps, because the route is unknown. */
export const MAX_ANIMATED_M = 5000;

export interface MarkerAnimation<T extends AnimatedMarker> {
  readonly from: T;
  readonly to: T;
  readonly startMs: number;
  readonly durationMs: number;
}

/** Starts an animation from `shown` to `to`; with reduced motion, the marker jumps. */
export function animateTo<T extends AnimatedMarker>(
  shown: T | null,
  to: T,
  nowMs: number,
  reducedMotion: boolean,
): MarkerAnimation<T> {
  const jumps = shown === null || reducedMotion || distanceM(shown, to) > MAX_ANIMATED_M;
  return { from: shown ?? to, to, startMs: nowMs, durationMs: jumps ? 0 : ANIMATION_MS };
}

/** Returns the marker at a time. */
export function markerAt<T extends AnimatedMarker>(
  { from, to, startMs, durationMs }: MarkerAnimation<T>,
  nowMs: number,
): T {
  const elapsed = durationMs === 0 ? 1 : Math.min(1, Math.max(0, (nowMs - startMs) / durationMs));
  const fraction = elapsed * elapsed * (3 - 2 * elapsed); // smoothstep: eases in and out
  if (fraction === 1) return to;
  const between = (one: number, other: number) => one + (other - one) * fraction;
  // The shorter direction, which may cross the antimeridian.
  const east = to.lon - from.lon;
  const turn = east > 180 ? east - 360 : east < -180 ? east + 360 : east;
  return {
    ...to,
    lat: between(from.lat, to.lat),
    lon: from.lon + turn * fraction,
    heading_deg:
      from.heading_deg === null || to.heading_deg === null
        ? to.heading_deg
        : interpolateHeading(from.heading_deg, to.heading_deg, fraction),
    ...(from.accuracy_m == null || to.accuracy_m == null
      ? {}
      : { accuracy_m: between(from.accuracy_m, to.accuracy_m) }),
  };
}

export function isFinished(
  { startMs, durationMs }: MarkerAnimation<AnimatedMarker>,
  nowMs: number,
): boolean {
  return nowMs >= startMs + durationMs;
}
