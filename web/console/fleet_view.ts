/** The view of the fleet that is requested from the service: a box of the map and a filter. */

import type { ClosedStatus, Status } from '@rtdts/client';
import type { Box, Fleet } from './fleet_messages.js';

export type FilterStatus = Exclude<Status, ClosedStatus> | 'none';

/** In the order of a delivery's life; `none` means no open delivery. */
export const FILTER_STATUSES: readonly FilterStatus[] = [
  'assigned',
  'en_route_to_pickup',
  'at_pickup',
  'in_transit',
  'nearby',
  'arrived',
  'none',
];

export type Trouble = 'late' | 'stale' | 'offline';
export const TROUBLES: readonly Trouble[] = ['late', 'stale', 'offline'];

export interface Filter {
  /** If empty, trucks of all statuses match. */
  readonly statuses: readonly FilterStatus[];
  /** A truck matches only if it has all of these. */
  readonly troubles: readonly Trouble[];
  /** A truck matches only if it has none of these. */
  readonly without?: readonly Trouble[];
  /** The beginning of a truck's or delivery's id. */
  readonly search: string;
}

export interface View {
  readonly bbox: Box;
  /** For tiles of 512 pixels, 0 to 24. */
  readonly zoom: number;
  readonly filter: Filter;
}

export const NO_FILTER: Filter = { statuses: [], troubles: [], search: '' };
export const WHOLE_WORLD: Box = [-180, -90, 180, 90];
export const WHOLE_FLEET: View = { bbox: WHOLE_WORLD, zoom: 0, filter: NO_FILTER };

/** Whether the service accepts a text as the beginning of an id. */
export function isSearch(text: string): boolean {
  return text === '' || /^[A-Za-z0-9._-]{1,64}$/.test(text);
}

/** Returns the frame that requests a view. */
export function trackFleet(view: View, name: string): string {
  const { statuses, troubles, search, without = [] } = view.filter;
  const filter = {
    ...(statuses.length > 0 ? { status: statuses } : {}),
    ...Object.fromEntries(troubles.map((trouble) => [trouble, true])),
    ...Object.fromEntries(without.map((trouble) => [trouble, false])),
    ...(search && isSearch(search) ? { search } : {}),
  };
  return JSON.stringify({
    action: 'track_fleet',
    view: name,
    bbox: view.bbox,
    zoom: view.zoom,
    ...(Object.keys(filter).length > 0 ? { filter } : {}),
  });
}

/** Converts a map's bounds to the service's box. Their longitudes may be beyond ±180 degrees. */
export function boxOf(west: number, south: number, east: number, north: number): Box {
  const [low, high] = [Math.max(-90, south), Math.min(90, north)].map(rounded) as [number, number];
  if (east - west >= 360) return [-180, low, 180, high];
  return [wrapped(west), low, wrapped(east), high];
}

export function zoomOf(zoom: number): number {
  return Math.round(Math.min(24, Math.max(0, zoom)) * 100) / 100;
}

/** The box of a map tile, `zoom/x/y`. */
export function boxOfTile(tile: string): Box {
  const [z, x, y] = tile.split('/').map(Number) as [number, number, number];
  const lon = (column: number) => (column / 2 ** z) * 360 - 180;
  const lat = (row: number) =>
    (Math.atan(Math.sinh(Math.PI * (1 - (2 * row) / 2 ** z))) * 180) / Math.PI;
  return [rounded(lon(x)), rounded(lat(y + 1)), rounded(lon(x + 1)), rounded(lat(y))];
}

/** The zoom for a view of a cluster's tile, at which its trucks form smaller clusters. */
export function zoomOfTile(tile: string): number {
  return zoomOf(Number(tile.split('/')[0]) + 1);
}

/** The box around all trucks and clusters of a snapshot; null if it has none. */
export function boxAround({ trucks, clusters }: Fleet): Box | null {
  const points = [...trucks, ...clusters];
  if (points.length === 0) return null;
  const lats = points.map(({ lat }) => lat);
  const lons = points.map(({ lon }) => lon);
  return [Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)];
}

/** The zoom of `boxNear`. */
export const NEAR_ZOOM = 13;

/** A box of several kilometres around a place. */
export function boxNear({ lat, lon }: { readonly lat: number; readonly lon: number }): Box {
  return boxOf(lon - 0.05, lat - 0.03, lon + 0.05, lat + 0.03);
}

/** The numbers of a snapshot's trucks that are late, stale and offline. */
export function troublesOf({ trucks, clusters }: Fleet): Record<Trouble, number> {
  const sum = (trouble: Trouble) => clusters.reduce((all, cluster) => all + cluster[trouble], 0);
  return {
    late: trucks.filter(({ isLate }) => isLate).length + sum('late'),
    stale: trucks.filter(({ isStale }) => isStale).length + sum('stale'),
    offline: trucks.filter(({ isOffline }) => isOffline).length + sum('offline'),
  };
}

function wrapped(lon: number): number {
  const wrappedLon = ((((lon + 180) % 360) + 360) % 360) - 180;
  // 180 degrees stays 180, so that a box up to the antimeridian does not cross it.
  return rounded(wrappedLon === -180 && lon > 0 ? 180 : wrappedLon);
}

const rounded = (degrees: number) => Math.round(degrees * 1e5) / 1e5;
