import { expect, test } from 'vitest';
import { ANIMATION_MS } from '../../map/marker_animation.js';
import { FleetAnimation, metresPerPixel } from '../fleet_animation.js';
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

test('trucks animation from one snapshot to the next, each from where it is drawn', () => {
  const animation = new FleetAnimation();
  animation.update([truck('T-1', 0), truck('T-2', 5)], CLOSE, 1000, false);
  expect(animation.isFinished(1000)).toBe(true);
  expect(animation.at(1000).map(({ lon }) => lon)).toEqual([0, 5]);

  animation.update([truck('T-1', 0.002), truck('T-2', 5)], CLOSE, 2000, false);
  expect(animation.isFinished(2000)).toBe(false);
  const half = animation.at(2000 + ANIMATION_MS / 2);
  expect(half.map(({ lon }) => lon)).toEqual([0.001, 5]);

  animation.update([truck('T-1', 0.003)], CLOSE, 2000 + ANIMATION_MS / 2, false);
  expect(animation.at(2000 + ANIMATION_MS / 2)[0]?.lon).toBeCloseTo(0.001, 9);
  expect(animation.at(2000 + 2 * ANIMATION_MS)).toEqual([truck('T-1', 0.003)]);
});

test('a repeated snapshot does not restart a running animation', () => {
  const animation = new FleetAnimation();
  animation.update([truck('T-1', 0)], CLOSE, 0, false);
  animation.update([truck('T-1', 0.002)], CLOSE, 1000, false);
  animation.update(
    [{ ...truck('T-1', 0.002), isLate: true }],
    CLOSE,
    1000 + ANIMATION_MS / 2,
    false,
  );

  expect(animation.at(1000 + ANIMATION_MS / 2)[0]).toMatchObject({ lon: 0.001, isLate: true });
  expect(animation.isFinished(1000 + ANIMATION_MS)).toBe(true);
});

test('movements of less than a pixel are not animated', () => {
  const animation = new FleetAnimation();
  animation.update([truck('T-1', 0)], 5, 0, false);
  animation.update([truck('T-1', 0.002)], 5, 1000, false);

  expect(metresPerPixel(0, 5)).toBeGreaterThan(222);
  expect(animation.isFinished(1000)).toBe(true);
  expect(animation.at(1000)[0]?.lon).toBe(0.002);
});

test('with reduced motion trucks jump to their positions', () => {
  const animation = new FleetAnimation();
  animation.update([truck('T-1', 0)], CLOSE, 0, true);
  animation.update([truck('T-1', 0.002)], CLOSE, 1000, true);

  expect(animation.isFinished(1000)).toBe(true);
  expect(animation.at(1000)[0]?.lon).toBe(0.002);
});
