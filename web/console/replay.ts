/** A truck's track, and where on it a moment is. */

import { turned } from '../map/geodesy.js';
import type { Point } from '../map/scene.js';

export interface TrackPoint extends Point {
  readonly atMs: number;
  readonly speed_mps: number | null;
  readonly heading_deg: number | null;
}

/** Where a truck was. */
export interface Moment extends Point {
  readonly heading_deg: number | null;
  readonly speed_mps: number | null;
  /** Nothing was received around this moment: it is the place before. */
  readonly isSilent: boolean;
}

/** Longer than this between two points, nothing is known of the way between, in ms. */
export const SILENCE_MS = 120_000;

/** The most that a request may span, in ms. */
const MAX_SPAN_MS = 24 * 3600_000;

export type Span = 'hour' | 'four_hours' | 'day' | 'delivery';
export const SPANS: readonly Span[] = ['hour', 'four_hours', 'day', 'delivery'];
const LENGTHS_MS = { hour: 3600_000, four_hours: 4 * 3600_000, day: MAX_SPAN_MS };

/** How many times faster than it was. */
export const SPEEDS = [10, 60, 300] as const;

/** From when to when a span is, epoch ms. `assignedMs`: since when the delivery is this truck's. */
export function spanOf(span: Span, assignedMs: number | null, nowMs: number): [number, number] {
  const longest = nowMs - MAX_SPAN_MS;
  if (span !== 'delivery') return [nowMs - LENGTHS_MS[span], nowMs];
  return [Math.min(nowMs - 1, Math.max(longest, assignedMs ?? longest)), nowMs];
}

/** A page's points; null when it is not of the promised form. By time, without repetitions. */
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

/** The track's lines: broken where it was silent. */
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

/** Where the truck was at a moment; null before the first point, or without any. */
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
        : turned(heading_deg, to.heading_deg, fraction),
    speed_mps,
    isSilent: false,
  };
}

/** Where playing leads after some time; silences are passed over. */
export function playedTo(
  points: readonly TrackPoint[],
  atMs: number,
  elapsedMs: number,
  speed: number,
): number {
  const lastMs = points.at(-1)?.atMs ?? atMs;
  const wantedMs = atMs + elapsedMs * speed;
  const moment = momentOf(points, wantedMs);
  const next = points[firstAfter(points, wantedMs)];
  return Math.min(lastMs, moment === null || moment.isSilent ? (next?.atMs ?? lastMs) : wantedMs);
}

/** The first point that is later than a moment: by halving, since a day has thousands. */
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
