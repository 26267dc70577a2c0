import { expect, test } from 'vitest';
import {
  advance,
  linesOf,
  momentOf,
  SILENCE_MS,
  spanOf,
  type TrackPoint,
  trackPointsOf,
} from '../replay.js';

const point = (atMs: number, lat: number, heading_deg: number | null = 0): TrackPoint => ({
  atMs,
  lat,
  lon: 0,
  speed_mps: 10,
  heading_deg,
});
const GAP_END = 20_000 + SILENCE_MS + 1;
const TRACK = [point(10_000, 1), point(20_000, 2, 90), point(GAP_END, 9)];

test('the position at a time is interpolated between two points', () => {
  expect(momentOf(TRACK, 15_000)).toEqual({
    lat: 1.5,
    lon: 0,
    heading_deg: 45,
    speed_mps: 10,
    isSilent: false,
  });
  expect(momentOf(TRACK, 9_999)).toBeNull();
  expect(momentOf(TRACK, GAP_END + 5)).toMatchObject({ lat: 9, isSilent: false });
  expect(momentOf([], 0)).toBeNull();
});

test('in a gap, no position is interpolated and no line is drawn', () => {
  expect(momentOf(TRACK, 20_001)).toMatchObject({ lat: 2, isSilent: true });
  expect(linesOf(TRACK)).toEqual([
    [
      [0, 1],
      [0, 2],
    ],
  ]);
});

test('the playback skips a gap, and ends at the last point', () => {
  expect(advance(TRACK, 10_000, 100, 10)).toBe(11_000);
  expect(advance(TRACK, 19_000, 500, 10)).toBe(GAP_END);
  expect(advance(TRACK, GAP_END, 500, 10)).toBe(GAP_END);
});

test('a span is at most a day, the longest that a request may have', () => {
  const now = 10 * 86_400_000;

  expect(spanOf('hour', null, now)).toEqual([now - 3_600_000, now]);
  expect(spanOf('delivery', now - 5_000, now)).toEqual([now - 5_000, now]);
  expect(spanOf('delivery', 0, now)).toEqual([now - 86_400_000, now]);
  expect(spanOf('delivery', now + 5_000, now)).toEqual([now - 1, now]);
});

test('one invalid point invalidates the whole page', () => {
  const good = { at: '2026-11-24T09:00:00.000Z', lat: 1, lon: 2, speed_mps: null, heading_deg: 3 };

  expect(trackPointsOf([good])).toEqual([
    { atMs: Date.parse(good.at), lat: 1, lon: 2, speed_mps: null, heading_deg: 3 },
  ]);
  expect(trackPointsOf([good, { ...good, at: 'soon' }])).toBeNull();
  expect(trackPointsOf([null])).toBeNull();
  expect(trackPointsOf({})).toBeNull();
});
