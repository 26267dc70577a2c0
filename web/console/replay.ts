/** The replay of a truck's track: its lines, and the truck's position at a time. */

import { interpolateHeading } from '../map/geodesy.js';
import type { Point } from '../map/scene.js';

export interface TrackPoint extends Point {
  readonly atMs: number;
  readonly speed_mps: number | null;
  readonly heading_deg: number | null;
}

/** A truck's position at a time of the replay. */
export interface Moment extends Point {
  readonly heading_deg: number | null;
  readonly speed_mps: number | null;
  /** In a gap, where no point was received: this is the position before it. */
  readonly isSilent: boolean;
}

/** A gap: if two points are further apart than this, in ms, the track between is unknown. */
export const SILENCE_MS = 120_000;

/** The longest span that a request may have, in ms. */
const MAX_SPAN_MS = 24 * 3600_000;

export type Span = 'hour' | 'four_hours' | 'day' | 'delivery';
export const SPANS: readonly Span[] = ['hour', 'four_hours', 'day', 'delivery'];
const LENGTHS_MS = { hour: 3600_000, four_hours: 4 * 3600_000, day: MAX_SPAN_MS };

/** Playback speeds, as multiples of the real speed. */
export const SPEEDS = [10, 60, 300] as const;

/**
 * Returns the start and end of a span, in epoch ms.
 *
 * @param assignedMs - When the delivery was assigned to this truck, in epoch ms.
 */
export function spanOf(span: Span, assignedMs: number | null, nowMs: number): [number, number] {
  const longest = nowMs - MAX_SPAN_MS;
  if (span !== 'delivery') return [nowMs - LENGTHS_MS[span], nowMs];
  return [Math.min(nowMs - 1, Math.max(longest, assignedMs ?? longest)), nowMs];
}

/** Parses the points of a page of a track; returns null if one is not valid. */
export function trackPointsOf(values: unknown): readonly TrackPoint[] | null {
  if (!Array.isArray(values)) return null;
  const points = values.map((value) => ({
    atMs: Date.parse(String(value?.at)),
    lat: value?.lat,
    lon: value?.lon,
    speed_mps: value?.speed_mps ?? null,
    heading_deg: value?.heading_deg ?? null,
  }));
  return points.every(isPoint) ? points : null;
}

/** Returns the track's lines, split at gaps. */
export function linesOf(points: readonly TrackPoint[]): [number, number][][] {
  const lines: [number, number][][] = [];
  let lastMs = Number.NEGATIVE_INFINITY;
  for (const { atMs, lat, lon } of points) {
    if (atMs - lastMs > SILENCE_MS) lines.push([]);
    lines.at(-1)?.push([lon, lat]);
    lastMs = atMs;
  }
  return lines.filter((line) => line.length > 1);
}

/** Returns the truck's position at a time, interpolated; null before the first point. */
export function momentOf(points: readonly TrackPoint[], atMs: number): Moment | null {
  const after = firstAfter(points, atMs);
  const [from, to] = [points[after - 1], points[after]];
  if (!from) return null;
  const { lat, lon, heading_deg, speed_mps } = from;
  if (!to || to.atMs - from.atMs > SILENCE_MS) {
    const isSilent = to !== undefined && atMs > from.atMs;
    return { lat, lon, heading_deg, speed_mps, isSilent };
  }
  const fraction = (atMs - from.atMs) / (to.atMs - from.atMs);
  return {
    lat: lat + (to.lat - lat) * fraction,
    lon: lon + (to.lon - lon) * fraction,
    heading_deg:
      heading_deg === null || to.heading_deg === null
        ? heading_deg
        : interpolateHeading(heading_deg, to.heading_deg, fraction),
    speed_mps,
    isSilent: false,
  };
}

/** Returns the time that the playback reaches after `elapsedMs`; it skips gaps. */
export function advance(
  points: readonly TrackPoint[],
  atMs: number,
  elapsedMs: number,
  speed: number,
): number {
  const lastMs = points.at(-1)?.atMs ?? atMs;
  const targetMs = atMs + elapsedMs * speed;
  const moment = momentOf(points, targetMs);
  const next = points[firstAfter(points, targetMs)];
  return Math.min(lastMs, moment === null || moment.isSilent ? (next?.atMs ?? lastMs) : targetMs);
}

/** Returns the index of the first point after a time, by binary search. */
function firstAfter(points: readonly TrackPoint[], atMs: number): number {
  let [low, high] = [0, points.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((points[middle]?.atMs ?? 0) > atMs) high = middle;
    else low = middle + 1;
  }
  return low;
}

const isNumber = (value: unknown) => typeof value === 'number' && Number.isFinite(value);

function isPoint(point: TrackPoint): boolean {
  const orNull = [point.speed_mps, point.heading_deg];
  return (
    [point.atMs, point.lat, point.lon].every(isNumber) &&
    orNull.every((value) => value === null || isNumber(value))
  );
}
