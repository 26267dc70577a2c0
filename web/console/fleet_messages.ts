/** The messages about the fleet (docs/asyncapi.yaml). `fleetMessageOf` validates them. */

import type { Status } from '@rtdts/client';

/** West, south, east, north in degrees. If west > east, the box crosses the antimeridian. */
export type Box = readonly [number, number, number, number];

export interface FleetTruck {
  readonly truckId: string;
  readonly lat: number;
  readonly lon: number;
  readonly heading_deg: number | null;
  readonly speed_mps: number | null;
  /** When the truck was there, in epoch ms. */
  readonly atMs: number;
  readonly status: Status | null;
  readonly deliveryId: string | null;
  readonly isLate: boolean;
  readonly isStale: boolean;
  readonly isOffline: boolean;
}

export interface FleetCluster {
  /** The cluster's map tile, as zoom/x/y. */
  readonly tile: string;
  readonly lat: number;
  readonly lon: number;
  readonly count: number;
  readonly late: number;
  readonly stale: number;
  readonly offline: number;
}

/** The snapshot of a view. */
export interface Fleet {
  readonly view: string | null;
  readonly asOfMs: number;
  readonly total: number;
  readonly trucks: readonly FleetTruck[];
  readonly clusters: readonly FleetCluster[];
}

export type FleetMessage =
  | { readonly type: 'fleet'; readonly fleet: Fleet }
  | { readonly type: 'fleet_ended' }
  | { readonly type: 'error'; readonly reason: string };

const LATE = 1;
const STALE = 2;
const OFFLINE = 4;

/** Parses a frame; returns null if it is no message about the fleet, or not valid. */
export function fleetMessageOf(frame: string): FleetMessage | null {
  let message: unknown;
  try {
    message = JSON.parse(frame);
  } catch {
    return null;
  }
  if (!isObject(message)) return null;
  if (message['type'] === 'fleet_ended') return { type: 'fleet_ended' };
  if (message['type'] === 'error' && typeof message['reason'] === 'string') {
    return { type: 'error', reason: message['reason'] };
  }
  if (message['type'] !== 'fleet') return null;
  const { view, as_of, total, trucks, clusters } = message;
  const asOfMs = typeof as_of === 'string' ? Date.parse(as_of) : Number.NaN;
  if (Number.isNaN(asOfMs) || typeof total !== 'number') return null;
  if (!Array.isArray(trucks) || !Array.isArray(clusters)) return null;
  if (!trucks.every(isTruckRow) || !clusters.every(isClusterRow)) return null;
  return {
    type: 'fleet',
    fleet: {
      view: typeof view === 'string' ? view : null,
      asOfMs,
      total,
      trucks: trucks.map(truckOf),
      clusters: clusters.map(clusterOf),
    },
  };
}

type TruckRow = [
  string,
  number,
  number,
  number | null,
  number | null,
  number,
  Status | null,
  string | null,
  number,
];
type ClusterRow = [string, number, number, number, number, number, number];

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown) => typeof value === 'string';
const isNumber = (value: unknown) => typeof value === 'number' && Number.isFinite(value);
const orNull = (is: (value: unknown) => boolean) => (value: unknown) => value === null || is(value);
const isRowOf =
  <Row>(columns: readonly ((value: unknown) => boolean)[]) =>
  (row: unknown): row is Row =>
    Array.isArray(row) && columns.every((is, i) => is(row[i]));

const isTruckRow = isRowOf<TruckRow>([
  isText,
  isNumber,
  isNumber,
  orNull(isNumber),
  orNull(isNumber),
  isNumber,
  orNull(isText),
  orNull(isText),
  isNumber,
]);
const isClusterRow = isRowOf<ClusterRow>([
  (tile) => typeof tile === 'string' && /^\d{1,2}\/\d+\/\d+$/.test(tile),
  isNumber,
  isNumber,
  isNumber,
  isNumber,
  isNumber,
  isNumber,
]);

function truckOf(row: TruckRow): FleetTruck {
  const [truckId, lat, lon, heading_deg, speed_mps, atMs, status, deliveryId, flags] = row;
  return {
    truckId,
    lat,
    lon,
    heading_deg,
    speed_mps,
    atMs,
    status,
    deliveryId,
    isLate: (flags & LATE) !== 0,
    isStale: (flags & STALE) !== 0,
    isOffline: (flags & OFFLINE) !== 0,
  };
}

function clusterOf([tile, lat, lon, count, late, stale, offline]: ClusterRow): FleetCluster {
  return { tile, lat, lon, count, late, stale, offline };
}
