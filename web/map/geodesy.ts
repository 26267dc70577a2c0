import type { Point } from './scene.js';

/** The mean Earth radius, in metres (IUGG). */
const EARTH_RADIUS_M = 6_371_008.8;

const radians = (degrees: number) => (degrees * Math.PI) / 180;

/** The great-circle distance in metres (haversine). */
export function distanceM(from: Point, to: Point): number {
  const north = Math.sin(radians(to.lat - from.lat) / 2) ** 2;
  const east = Math.sin(radians(to.lon - from.lon) / 2) ** 2;
  const h = north + Math.cos(radians(from.lat)) * Math.cos(radians(to.lat)) * east;
  return 2 * EARTH_RADIUS_M * Math.asin(Math.sqrt(h));
}

/** A closed ring of [lon, lat] around a point; the radius is in metres. */
export function circle(centre: Point, radius_m: number, corners = 48): [number, number][] {
  const north = (radius_m / EARTH_RADIUS_M) * (180 / Math.PI);
  const east = north / Math.cos(radians(centre.lat));
  return Array.from({ length: corners + 1 }, (_, i) => {
    const angle = ((i % corners) / corners) * 2 * Math.PI;
    return [centre.lon + east * Math.cos(angle), centre.lat + north * Math.sin(angle)];
  });
}

/** Interpolates between two headings along the shorter turn, in degrees. */
export function interpolateHeading(from_deg: number, to_deg: number, fraction: number): number {
  const turn = ((((to_deg - from_deg) % 360) + 540) % 360) - 180;
  return (((from_deg + turn * fraction) % 360) + 360) % 360;
}
