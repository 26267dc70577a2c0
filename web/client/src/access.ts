/** Gets the tickets of a connection: with a share's token, or with the JWT of a signed-in user. */

import { isInstant, isObject, type Status } from './messages.js';
import type { TicketFailure } from './session.js';

export type TicketResult =
  | {
      readonly ticket: string;
      readonly deliveryId: string;
      /** The delivery's data in the ticket's response; null with `customerAccess`. */
      readonly summary: Summary | null;
    }
  | { readonly failure: TicketFailure };

/** Fetches a ticket; never throws. */
export type Access = (signal: AbortSignal) => Promise<TicketResult>;

export interface Place {
  readonly lat: number;
  readonly lon: number;
  readonly name: string | null;
}

/** The delivery of a share at the time when its ticket was issued. */
export interface Summary {
  readonly delivery_id: string;
  readonly status: Status;
  readonly version: number;
  readonly window: { readonly start: string; readonly end: string } | null;
  readonly origin: Place | null;
  readonly destination: Place | null;
  readonly timeline: readonly { readonly status: Status; readonly at: string }[];
  readonly failure_code: string | null;
  readonly stops_before: number | null;
}

export interface ShareAccessOptions {
  readonly serverUrl: string;
  /** The share's token, from the fragment of its link. */
  readonly token: string;
  readonly fetch?: typeof fetch;
}

/** Gets tickets for the delivery of a share. */
export function shareAccess({
  serverUrl,
  token,
  fetch = globalThis.fetch,
}: ShareAccessOptions): Access {
  return async (signal) => {
    const result = await post(fetch, `${serverUrl}/shares/tickets`, signal, {
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ token }),
    });
    if ('failure' in result) return result;
    const { ticket } = result.body;
    const summary = summaryOf(result.body['delivery']);
    if (typeof ticket !== 'string' || summary === null) return unavailable(null);
    return { ticket, deliveryId: summary.delivery_id, summary };
  };
}

export interface CustomerAccessOptions {
  readonly serverUrl: string;
  readonly deliveryId: string;
  /** Returns a JWT that is valid now. It is called before each connection. */
  readonly jwt: () => string | Promise<string>;
  readonly fetch?: typeof fetch;
}

/** Gets tickets of a signed-in customer or dispatcher, for a delivery that they may view. */
export function customerAccess(options: CustomerAccessOptions): Access {
  const { serverUrl, deliveryId, jwt, fetch = globalThis.fetch } = options;
  return async (signal) => {
    let token: string;
    try {
      token = await jwt();
    } catch {
      return unavailable(null);
    }
    const headers = { Authorization: `Bearer ${token}` };
    const result = await post(fetch, `${serverUrl}/tickets`, signal, { headers });
    if ('failure' in result) return result;
    const { ticket } = result.body;
    if (typeof ticket !== 'string') return unavailable(null);
    return { ticket, deliveryId, summary: null };
  };
}

type ServiceResult =
  | { readonly body: Record<string, unknown> }
  | { readonly failure: TicketFailure };

async function post(
  fetch: typeof globalThis.fetch,
  url: string,
  signal: AbortSignal,
  request: RequestInit,
): Promise<ServiceResult> {
  try {
    const response = await fetch(url, {
      ...request,
      method: 'POST',
      signal,
      credentials: 'omit',
      cache: 'no-store',
      referrerPolicy: 'no-referrer',
    });
    if (response.ok) {
      const body: unknown = await response.json();
      return isObject(body) ? { body } : unavailable(null);
    }
    if (response.status === 429 || response.status >= 500) {
      const seconds = Number(response.headers.get('Retry-After'));
      return unavailable(Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : null);
    }
    return { failure: { kind: 'refused', reason: REASONS[response.status] ?? 'refused' } };
  } catch {
    return unavailable(null);
  }
}

const REASONS: Record<number, string> = {
  401: 'not_valid',
  403: 'forbidden',
  404: 'not_found',
  410: 'gone',
};

const unavailable = (retryAfterMs: number | null): { failure: TicketFailure } => ({
  failure: { kind: 'unavailable', retryAfterMs },
});

function summaryOf(delivery: unknown): Summary | null {
  if (!isObject(delivery)) return null;
  const { delivery_id, status, version, timeline, window } = delivery;
  const { failure_code, stops_before } = delivery;
  if (typeof delivery_id !== 'string' || typeof status !== 'string') return null;
  return {
    delivery_id,
    status: status as Status,
    version: typeof version === 'number' ? version : 0,
    window:
      isObject(window) && isInstant(window['start']) && isInstant(window['end'])
        ? { start: window['start'], end: window['end'] }
        : null,
    origin: placeOf(delivery['origin']),
    destination: placeOf(delivery['destination']),
    timeline: Array.isArray(timeline) ? timeline.filter(isStep) : [],
    failure_code: typeof failure_code === 'string' ? failure_code : null,
    stops_before: typeof stops_before === 'number' ? stops_before : null,
  };
}

const isStep = (value: unknown): value is Summary['timeline'][number] =>
  isObject(value) && typeof value['status'] === 'string' && isInstant(value['at']);

function placeOf(value: unknown): Place | null {
  if (!isObject(value)) return null;
  const { lat, lon, name } = value;
  if (typeof lat !== 'number' || typeof lon !== 'number') return null;
  return { lat, lon, name: typeof name === 'string' ? name : null };
}
