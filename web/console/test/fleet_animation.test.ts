import { expect, test } from 'vitest';
import { GLIDE_MS } from '../../map/glide.js';
import { FleetGlide, metresPerPixel } from '../fleet_glide.js';
import type { FleetTruck } from '../fleet_messages.js';

const truck = (truckId: string, lon: number): FleetTruck => ({
  truckId,
  lat: 0,
  lon,
  heading_deg: 90,
  speed_mps: 14,
  atMs: 0,
  status: null,
  deliveryId: null,
  isLate: false,
  isStale: false,
  isOffline: false,
});
const CLOSE = 15;

test('trucks glide from one snapshot to the next, each from where it is drawn', () => {
  const glide = new FleetGlide();
  glide.update([truck('T-1', 0), truck('T-2', 5)], CLOSE, 1000, false);
  expect(glide.isOver(1000)).toBe(true);
  expect(glide.at(1000).map(({ lon }) => lon)).toEqual([0, 5]);

  glide.update([truck('T-1', 0.002), truck('T-2', 5)], CLOSE, 2000, false);
  expect(glide.isOver(2000)).toBe(false);
  const half = glide.at(2000 + GLIDE_MS / 2);
  expect(half.map(({ lon }) => lon)).toEqual([0.001, 5]);

  glide.update([truck('T-1', 0.003)], CLOSE, 2000 + GLIDE_MS / 2, false);
  expect(glide.at(2000 + GLIDE_MS / 2)[0]?.lon).toBeCloseTo(0.001, 9);
  expect(glide.at(2000 + 2 * GLIDE_MS)).toEqual([truck('T-1', 0.003)]);
});

test('the same snapshot again does not hold up what is on its way', () => {
  const glide = new FleetGlide();
  glide.update([truck('T-1', 0)], CLOSE, 0, false);
  glide.update([truck('T-1', 0.002)], CLOSE, 1000, false);
  glide.update([{ ...truck('T-1', 0.002), isLate: true }], CLOSE, 1000 + GLIDE_MS / 2, false);

  expect(glide.at(1000 + GLIDE_MS / 2)[0]).toMatchObject({ lon: 0.001, isLate: true });
  expect(glide.isOver(1000 + GLIDE_MS)).toBe(true);
});

test('what moves less than a pixel is not animated', () => {
  const glide = new FleetGlide();
  glide.update([truck('T-1', 0)], 5, 0, false);
  glide.update([truck('T-1', 0.002)], 5, 1000, false);

  expect(metresPerPixel(0, 5)).toBeGreaterThan(222);
  expect(glide.isOver(1000)).toBe(true);
  expect(glide.at(1000)[0]?.lon).toBe(0.002);
});

test('with reduced motion nothing glides', () => {
  const glide = new FleetGlide();
  glide.update([truck('T-1', 0)], CLOSE, 0, true);
  glide.update([truck('T-1', 0.002)], CLOSE, 1000, true);

  expect(glide.isOver(1000)).toBe(true);
  expect(glide.at(1000)[0]?.lon).toBe(0.002);
});
