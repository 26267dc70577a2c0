/** The console's client for the HTTP API (docs/openapi.yaml), with a dispatcher's access token. */

import { CLOSED_STATUSES, type TicketFailure } from '@rtdts/client';
import { type Delivery, deliveryOf } from './delivery.js';
import type { Plan } from './plan.js';
import { type TrackPoint, trackPointsOf } from './replay.js';

export const DECLARATIONS = ['picked_up', ...CLOSED_STATUSES] as const;
export type Declaration = (typeof DECLARATIONS)[number];

export const FAILURE_CODES = [
  'nobody_home',
  'refused',
  'wrong_address',
  'no_access',
  'damaged',
  'missing',
  'vehicle',
  'weather',
  'other',
] as const;
export type FailureCode = (typeof FAILURE_CODES)[number];

export type Failure =
  | 'signed_out'
  | 'forbidden'
  | 'not_found'
  | 'conflict'
  | 'refused'
  | 'unavailable';

export type Result<T> = { readonly value: T } | { readonly failure: Failure };

/** The most pages of a track that are loaded. A day with one point per second has more. */
const MAX_PAGES = 30;

const FAILURES: Record<number, Failure> = {
  401: 'signed_out',
  403: 'forbidden',
  404: 'not_found',
  409: 'conflict',
  412: 'conflict',
};

/** The fields of a delivery that belong to its plan. A `PUT` replaces all of them. */
const PLAN_FIELDS = [
  'customer_id',
  'origin',
  'destination',
  'window',
  'visibility',
  'stop_sequence',
] as const;

/** Returns the plan of a delivery with another truck. */
export function planFor(
  delivery: Readonly<Record<string, unknown>>,
  truckId: string,
): Record<string, unknown> {
  const present = PLAN_FIELDS.filter((field) => Object.hasOwn(delivery, field));
  const others = Object.fromEntries(present.map((field) => [field, delivery[field]]));
  return { truck_id: truckId, ...others };
}

export class Service {
  readonly #serverUrl: string;
  readonly #accessToken: string;
  readonly #fetch: typeof fetch;

  constructor(
    serverUrl: string,
    accessToken: string,
    request: typeof fetch = fetch.bind(globalThis),
  ) {
    this.#serverUrl = serverUrl;
    this.#accessToken = accessToken;
    this.#fetch = request;
  }

  /** Fetches a ticket for a socket; never throws. */
  async ticket(
    signal: AbortSignal,
  ): Promise<{ readonly ticket: string } | { readonly failure: TicketFailure }> {
    const unavailable = { failure: { kind: 'unavailable', retryAfterMs: null } } as const;
    try {
      const response = await this.#call('POST', '/tickets', { signal });
      if (response.ok) {
        const { ticket } = await response.json();
        return typeof ticket === 'string' ? { ticket } : unavailable;
      }
      if (response.status === 429 || response.status >= 500) {
        const seconds = Number(response.headers.get('Retry-After'));
        const retryAfterMs = Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : null;
        return { failure: { kind: 'unavailable', retryAfterMs } };
      }
      return { failure: { kind: 'refused', reason: FAILURES[response.status] ?? 'refused' } };
    } catch {
      return unavailable;
    }
  }

  /** Creates a share, a link to the delivery for people without an account; returns its token. */
  async share(deliveryId: string): Promise<Result<{ readonly token: string }>> {
    return this.#json('POST', `/deliveries/${encodeURIComponent(deliveryId)}/shares`, {
      headers: { 'Content-Type': 'application/json' },
      body: '{}',
    });
  }

  /**
   * Records a declaration.
   *
   * @param key - The idempotency key: the same for each attempt at one declaration.
   * @returns Why it failed; null if it was recorded.
   */
  async declare(
    deliveryId: string,
    type: Declaration,
    failureCode: FailureCode | null,
    key: string,
  ): Promise<Failure | null> {
    const result = await this.#json(
      'POST',
      `/deliveries/${encodeURIComponent(deliveryId)}/events`,
      {
        headers: { 'Content-Type': 'application/json', 'Idempotency-Key': key },
        body: JSON.stringify(failureCode === null ? { type } : { type, failure_code: failureCode }),
      },
    );
    return 'failure' in result ? result.failure : null;
  }

  /**
   * Assigns a delivery to another truck, and leaves the rest of its plan unchanged.
   *
   * @returns Why it failed; null if it was assigned. `conflict` means that the delivery has changed
   *   between the read and the write.
   */
  async reassign(deliveryId: string, truckId: string): Promise<Failure | null> {
    const path = `/deliveries/${encodeURIComponent(deliveryId)}`;
    const read = await this.#json<Record<string, unknown>>('GET', path, {});
    if ('failure' in read) return read.failure;
    const result = await this.#json('PUT', path, {
      headers: { 'Content-Type': 'application/json', 'If-Match': String(read.value['version']) },
      body: JSON.stringify(planFor(read.value, truckId)),
    });
    return 'failure' in result ? result.failure : null;
  }

  /** Reads a delivery. */
  async delivery(deliveryId: string): Promise<Result<Delivery>> {
    const read = await this.#json('GET', `/deliveries/${encodeURIComponent(deliveryId)}`, {});
    if ('failure' in read) return read;
    const delivery = deliveryOf(read.value);
    return delivery === null ? { failure: 'unavailable' } : { value: delivery };
  }

  /**
   * Creates a delivery.
   *
   * @param isRetry - Whether the last attempt got no response, so that it may have created it.
   * @returns Why it failed; null if it was created. `exists` means that another delivery has this
   *   id; it was not changed.
   */
  async create(
    deliveryId: string,
    plan: Plan,
    isRetry: boolean,
  ): Promise<Failure | 'exists' | null> {
    const path = `/deliveries/${encodeURIComponent(deliveryId)}`;
    if (!isRetry) {
      // A PUT would change an existing delivery.
      const read = await this.#json('GET', path, {});
      if (!('failure' in read)) return 'exists';
      if (read.failure !== 'not_found') return read.failure;
    }
    const result = await this.#json('PUT', path, {
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(plan),
    });
    return 'failure' in result ? result.failure : null;
  }

  /** Reads a truck's points in a span of at most 24 hours, by time, unless there are too many. */
  async track(
    truckId: string,
    fromMs: number,
    toMs: number,
  ): Promise<Result<{ readonly points: readonly TrackPoint[]; readonly isComplete: boolean }>> {
    const points: TrackPoint[] = [];
    const query = new URLSearchParams({ from: instant(fromMs), to: instant(toMs) });
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const path = `/trucks/${encodeURIComponent(truckId)}/track?${query}`;
      const read = await this.#json<Record<string, unknown>>('GET', path, {});
      if ('failure' in read) return read;
      const more = trackPointsOf(read.value['points']);
      if (more === null) return { failure: 'unavailable' };
      points.push(...more);
      const cursor = read.value['next_cursor'];
      if (typeof cursor !== 'string') return { value: { points, isComplete: true } };
      query.set('cursor', cursor);
    }
    return { value: { points, isComplete: false } };
  }

  async #json<T>(method: string, path: string, request: RequestInit): Promise<Result<T>> {
    try {
      const response = await this.#call(method, path, request);
      if (response.ok) return { value: await response.json() };
      if (response.status === 429 || response.status >= 500) return { failure: 'unavailable' };
      return { failure: FAILURES[response.status] ?? 'refused' };
    } catch {
      return { failure: 'unavailable' };
    }
  }

  #call(method: string, path: string, request: RequestInit): Promise<Response> {
    return this.#fetch(`${this.#serverUrl}${path}`, {
      ...request,
      method,
      headers: { ...request.headers, Authorization: `Bearer ${this.#accessToken}` },
      credentials: 'omit',
      cache: 'no-store',
      referrerPolicy: 'no-referrer',
    });
  }
}

const instant = (ms: number) => new Date(ms).toISOString();
