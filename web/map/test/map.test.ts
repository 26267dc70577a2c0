import { expect, test } from 'vitest';
import { circle, distanceM, interpolateHeading } from '../geodesy.js';
import { ANIMATION_MS, animateTo, isFinished, markerAt } from '../marker_animation.js';
import type { Truck } from '../scene.js';
import { withAbsoluteSources } from '../style.js';

const truck = (lat: number, heading_deg: number | null = 350): Truck => ({
  lat,
  lon: -87.65,
  heading_deg,
  accuracy_m: 10,
  isStale: false,
});

test('the marker moves from its shown position to the truck’s position', () => {
  const animation = animateTo(truck(41.88, 350), truck(41.89, 10), 1000, false);

  expect(markerAt(animation, 1000).lat).toBe(41.88);
  expect(markerAt(animation, 1000 + ANIMATION_MS / 2).lat).toBeCloseTo(41.885, 6);
  expect(markerAt(animation, 1000 + ANIMATION_MS / 2).heading_deg).toBeCloseTo(0, 6);
  expect(markerAt(animation, 1000 + ANIMATION_MS)).toEqual(truck(41.89, 10));
  expect(isFinished(animation, 1000 + ANIMATION_MS)).toBe(true);
});

test('the marker crosses the antimeridian in the shorter direction', () => {
  const at = (lon: number): Truck => ({ ...truck(0), lon });
  const animation = animateTo(at(179.999), at(-179.999), 0, false);

  expect(markerAt(animation, ANIMATION_MS / 2).lon).toBeCloseTo(180, 9);
});

test.each([
  ['the first time', null, truck(41.89), false],
  ['with reduced motion', truck(41.88), truck(41.89), true],
  ['beyond the maximum distance', truck(41.8), truck(41.9), false],
])('the marker jumps %s', (_, shown, to, reducedMotion) => {
  expect(markerAt(animateTo(shown, to, 1000, reducedMotion), 1000)).toEqual(to);
});

test('headings are interpolated along the shorter turn', () => {
  expect(interpolateHeading(350, 10, 0.5)).toBeCloseTo(0);
  expect(interpolateHeading(10, 350, 0.25)).toBeCloseTo(5);
  expect(interpolateHeading(90, 270, 1)).toBeCloseTo(270);
});

test('each point of a circle has its radius, and the ring is closed', () => {
  const centre = { lat: 41.88, lon: -87.63 };
  const ring = circle(centre, 50);

  for (const [lon, lat] of ring) expect(distanceM(centre, { lat, lon })).toBeCloseTo(50, 1);
  expect(ring[0]).toEqual(ring.at(-1));
});

test('relative PMTiles URLs are resolved against the URL of the style', () => {
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
