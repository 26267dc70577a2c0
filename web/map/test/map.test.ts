import { expect, test } from 'vitest';
import { circle, distanceM, turned } from '../geodesy.js';
import { GLIDE_MS, glideTo, isOver, truckAt } from '../glide.js';
import type { Truck } from '../scene.js';
import { withAbsoluteSources } from '../style.js';

const truck = (lat: number, heading_deg: number | null = 350): Truck => ({
  lat,
  lon: -87.65,
  heading_deg,
  accuracy_m: 10,
  isStale: false,
});

test('the marker glides from where it is shown to where the truck was seen', () => {
  const glide = glideTo(truck(41.88, 350), truck(41.89, 10), 1000, false);

  expect(truckAt(glide, 1000).lat).toBe(41.88);
  expect(truckAt(glide, 1000 + GLIDE_MS / 2).lat).toBeCloseTo(41.885, 6);
  expect(truckAt(glide, 1000 + GLIDE_MS / 2).heading_deg).toBeCloseTo(0, 6);
  expect(truckAt(glide, 1000 + GLIDE_MS)).toEqual(truck(41.89, 10));
  expect(isOver(glide, 1000 + GLIDE_MS)).toBe(true);
});

test('the marker takes the shorter way round the world', () => {
  const at = (lon: number): Truck => ({ ...truck(0), lon });
  const glide = glideTo(at(179.999), at(-179.999), 0, false);

  expect(truckAt(glide, GLIDE_MS / 2).lon).toBeCloseTo(180, 9);
});

test.each([
  ['the first time', null, truck(41.89), false],
  ['with reduced motion', truck(41.88), truck(41.89), true],
  ['over a way that nothing is known of', truck(41.8), truck(41.9), false],
])('the marker jumps %s', (_, shown, to, reducedMotion) => {
  expect(truckAt(glideTo(shown, to, 1000, reducedMotion), 1000)).toEqual(to);
});

test('a heading turns the shorter way round', () => {
  expect(turned(350, 10, 0.5)).toBeCloseTo(0);
  expect(turned(10, 350, 0.25)).toBeCloseTo(5);
  expect(turned(90, 270, 1)).toBeCloseTo(270);
});

test('the circle has its radius all round, and is closed', () => {
  const centre = { lat: 41.88, lon: -87.63 };
  const ring = circle(centre, 50);

  for (const [lon, lat] of ring) expect(distanceM(centre, { lat, lon })).toBeCloseTo(50, 1);
  expect(ring[0]).toEqual(ring.at(-1));
});

test('the sources of a style are found from where it lies', () => {
  const style = {
    version: 8 as const,
    layers: [],
    sources: {
      near: { type: 'vector' as const, url: 'pmtiles://chicago.pmtiles' },
      far: { type: 'vector' as const, url: 'pmtiles://https://tiles.test/a.pmtiles' },
      other: { type: 'vector' as const, url: 'https://tiles.test/tiles.json' },
    },
  };
  const { sources } = withAbsoluteSources(style, new URL('https://track.test/base_maps/x.json'));

  expect(sources['near']).toMatchObject({
    url: 'pmtiles://https://track.test/base_maps/chicago.pmtiles',
  });
  expect(sources['far']).toEqual(style.sources.far);
  expect(sources['other']).toEqual(style.sources.other);
});
