/** The form of a new delivery, its validation, and the request body made from it. */

import type { Point } from '../map/scene.js';

/** The contents of the form's fields. */
export interface Draft {
  readonly deliveryId: string;
  readonly customerId: string;
  readonly truckId: string;
  /** Latitude and longitude in degrees, separated by a comma. */
  readonly origin: string;
  readonly originName: string;
  readonly destination: string;
  readonly destinationName: string;
  /** Local times in the format of `datetime-local`, or empty. */
  readonly windowStart: string;
  readonly windowEnd: string;
}

export type Field = keyof Draft;

/** The problem of an invalid field. */
export type FieldProblem = 'id' | 'place' | 'window' | 'window_order';

export interface Place extends Point {
  readonly name?: string;
}

/** The body of `PUT /deliveries/{delivery_id}`. */
export interface Plan {
  readonly truck_id: string;
  readonly customer_id: string;
  readonly origin: Place;
  readonly destination: Place;
  readonly window?: { readonly start: string; readonly end: string };
}

export type DraftCheck =
  | { readonly deliveryId: string; readonly plan: Plan }
  | { readonly problems: Partial<Record<Field, FieldProblem>> };

/** Length of a generated id, long enough that the ids of a day's deliveries differ. */
const ID_LETTERS = 6;

/** Returns an empty form with a random delivery id. */
export function emptyDraft(truckId: string, random: () => number): Draft {
  const letters = Array.from({ length: ID_LETTERS }, () => Math.floor(random() * 36).toString(36));
  return {
    deliveryId: `D-${letters.join('')}`,
    customerId: '',
    truckId,
    origin: '',
    originName: '',
    destination: '',
    destinationName: '',
    windowStart: '',
    windowEnd: '',
  };
}

/** Formats a place for the form, to about a metre. */
export function placeText({ lat, lon }: Point): string {
  return `${lat.toFixed(5)}, ${lon.toFixed(5)}`;
}

/** Parses a place; returns null if the text is not valid. */
export function placeOf(text: string): Point | null {
  const match = /^\s*(-?\d{1,2}(?:\.\d+)?)\s*,\s*(-?\d{1,3}(?:\.\d+)?)\s*$/.exec(text);
  if (!match) return null;
  const [lat, lon] = [Number(match[1]), Number(match[2])];
  return Math.abs(lat) <= 90 && Math.abs(lon) <= 180 ? { lat, lon } : null;
}

/** Validates a form by the service's rules (`DeliveryPlan` in docs/openapi.yaml). */
export function checkDraft(draft: Draft): DraftCheck {
  const problems: Partial<Record<Field, FieldProblem>> = {};
  for (const field of ['deliveryId', 'customerId', 'truckId'] as const) {
    if (!/^[A-Za-z0-9._-]{1,64}$/.test(draft[field])) problems[field] = 'id';
  }
  const origin = placeOf(draft.origin);
  const destination = placeOf(draft.destination);
  if (!origin) problems.origin = 'place';
  if (!destination) problems.destination = 'place';
  const [start, end] = [instantOf(draft.windowStart), instantOf(draft.windowEnd)];
  const hasWindow = draft.windowStart !== '' || draft.windowEnd !== '';
  if (hasWindow && start === null) problems.windowStart = 'window';
  if (hasWindow && end === null) problems.windowEnd = 'window';
  if (start !== null && end !== null && end <= start) problems.windowEnd = 'window_order';
  if (!origin || !destination || Object.keys(problems).length > 0) return { problems };
  return {
    deliveryId: draft.deliveryId,
    plan: {
      truck_id: draft.truckId,
      customer_id: draft.customerId,
      origin: named(origin, draft.originName),
      destination: named(destination, draft.destinationName),
      ...(start !== null && end !== null ? { window: { start, end } } : {}),
    },
  };
}

function named(point: Point, name: string): Place {
  const trimmed = name.trim();
  return trimmed === '' ? point : { ...point, name: trimmed };
}

/** Converts a local time to RFC 3339 in UTC, so that texts sort by time; null if not valid. */
function instantOf(local: string): string | null {
  const at = new Date(local);
  return local === '' || Number.isNaN(at.getTime()) ? null : at.toISOString();
}
