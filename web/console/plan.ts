/** The plan of a new delivery: what a form holds, and what of it the service would take. */

import type { Point } from '../map/scene.js';

/** The form's fields as they were typed. */
export interface Draft {
  readonly deliveryId: string;
  readonly customerId: string;
  readonly truckId: string;
  /** Latitude and longitude in degrees, with a comma between. */
  readonly origin: string;
  readonly originName: string;
  readonly destination: string;
  readonly destinationName: string;
  /** Local times as `datetime-local` writes them; empty: none. */
  readonly windowStart: string;
  readonly windowEnd: string;
}

export type Field = keyof Draft;

/** What is wrong with a field. */
export type FieldProblem = 'id' | 'place' | 'window' | 'window_order';

export interface Place extends Point {
  readonly name?: string;
}

/** The body of a `PUT /deliveries/{delivery_id}`. */
export interface Plan {
  readonly truck_id: string;
  readonly customer_id: string;
  readonly origin: Place;
  readonly destination: Place;
  readonly window?: { readonly start: string; readonly end: string };
}

export type Checked =
  | { readonly deliveryId: string; readonly plan: Plan }
  | { readonly problems: Partial<Record<Field, FieldProblem>> };

/** As many letters as a day's deliveries need to have different ids. */
const ID_LETTERS = 6;

/** An empty form, with an id that no other delivery has. */
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

/** A place as the form writes it: a metre exactly. */
export function placeText({ lat, lon }: Point): string {
  return `${lat.toFixed(5)}, ${lon.toFixed(5)}`;
}

/** The place that a text names; null when it names none. */
export function placeOf(text: string): Point | null {
  const match = /^\s*(-?\d{1,2}(?:\.\d+)?)\s*,\s*(-?\d{1,3}(?:\.\d+)?)\s*$/.exec(text);
  if (!match) return null;
  const [lat, lon] = [Number(match[1]), Number(match[2])];
  return Math.abs(lat) <= 90 && Math.abs(lon) <= 180 ? { lat, lon } : null;
}

/** Checks a form as the service would (docs/openapi.yaml, `DeliveryPlan`). */
export function checked(draft: Draft): Checked {
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
  const given = name.trim();
  return given === '' ? point : { ...point, name: given };
}

/** RFC 3339 in UTC: texts of one form, in the order of the times. */
function instantOf(local: string): string | null {
  const at = new Date(local);
  return local === '' || Number.isNaN(at.getTime()) ? null : at.toISOString();
}
