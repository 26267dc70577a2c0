/** A delivery from the HTTP API (docs/openapi.yaml). `deliveryOf` validates it. */

import type { Eta, Status } from '@rtdts/client';
import type { Point } from '../map/scene.js';

export interface DeliveryWindow {
  readonly start: string;
  readonly end: string;
}

export interface NamedPlace extends Point {
  readonly name: string | null;
}

export interface Delivery {
  readonly truckId: string;
  readonly customerId: string;
  readonly status: Status;
  readonly origin: NamedPlace;
  readonly destination: NamedPlace;
  readonly window: DeliveryWindow | null;
  /** When it was assigned to its current truck, in epoch ms. */
  readonly assignedMs: number;
  /** When it entered its current status, in epoch ms. */
  readonly sinceMs: number;
}

/** Parses a delivery; returns null if it is not valid. */
export function deliveryOf(value: unknown): Delivery | null {
  if (!isObject(value)) return null;
  const { truck_id, customer_id, status, assignment, events } = value;
  const [origin, destination] = [placeOf(value['origin']), placeOf(value['destination'])];
  if (typeof truck_id !== 'string' || typeof customer_id !== 'string') return null;
  if (typeof status !== 'string' || !origin || !destination || !Array.isArray(events)) return null;
  const times = events.filter(isObject).map((event) => ({
    status: event['status'],
    assignment: event['assignment'],
    atMs: Date.parse(String(event['effective_at'])),
  }));
  if (times.length === 0 || times.some(({ atMs }) => Number.isNaN(atMs))) return null;
  const assigned = times.find((event) => event.assignment === assignment) ?? times[0];
  // A changed plan or a correction repeats the status, so use the first of the repeated events.
  const lastOther = times.findLastIndex((event) => event.status !== status);
  return {
    truckId: truck_id,
    customerId: customer_id,
    status: status as Status,
    origin,
    destination,
    window: windowOf(value['window']),
    assignedMs: assigned?.atMs ?? 0,
    sinceMs: (times[lastOther + 1] ?? times.at(-1))?.atMs ?? 0,
  };
}

/** Why a delivery is late: its window has ended, or its ETA is after the window's end. */
export type Lateness = 'window_ended' | 'expected_after';

/** Returns why a delivery that has not arrived is late; null if it is not late. */
export function latenessOf(
  window: DeliveryWindow | null,
  eta: Eta | null,
  nowMs: number,
): Lateness | null {
  if (window === null) return null;
  const endMs = Date.parse(window.end);
  if (nowMs >= endMs) return 'window_ended';
  return eta !== null && Date.parse(eta.earliest) > endMs ? 'expected_after' : null;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function placeOf(value: unknown): NamedPlace | null {
  if (!isObject(value)) return null;
  const { lat, lon, name } = value;
  if (typeof lat !== 'number' || typeof lon !== 'number') return null;
  return { lat, lon, name: typeof name === 'string' ? name : null };
}

function windowOf(value: unknown): DeliveryWindow | null {
  if (!isObject(value)) return null;
  const { start, end } = value;
  if (typeof start !== 'string' || typeof end !== 'string') return null;
  return Number.isNaN(Date.parse(end)) ? null : { start, end };
}
