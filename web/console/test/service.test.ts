import { expect, test } from 'vitest';
import { planFor, Service } from '../service.js';

function service(response: () => Response | Promise<Response>) {
  const requests: { url: string; init: RequestInit }[] = [];
  const made = new Service('https://api.test/v1', 'the token', async (url, init) => {
    requests.push({ url: String(url), init: init ?? {} });
    return response();
  });
  return { made, requests };
}

const json = (status: number, body: object = {}, headers = {}) =>
  new Response(JSON.stringify(body), { status, headers });

test('a ticket is fetched with the token in a header, not in the URL', async () => {
  const { made, requests } = service(() => json(200, { ticket: 't1' }));

  expect(await made.ticket(new AbortController().signal)).toEqual({ ticket: 't1' });
  expect(requests[0]?.url).toBe('https://api.test/v1/tickets');
  expect(requests[0]?.init).toMatchObject({
    method: 'POST',
    credentials: 'omit',
    headers: { Authorization: 'Bearer the token' },
  });
});

test.each([
  [401, { kind: 'refused', reason: 'signed_out' }],
  [403, { kind: 'refused', reason: 'forbidden' }],
  [429, { kind: 'unavailable', retryAfterMs: 7000 }],
  [503, { kind: 'unavailable', retryAfterMs: 7000 }],
])('a ticket that is refused with %i', async (status, failure) => {
  const { made } = service(() => json(status, {}, { 'Retry-After': '7' }));

  expect(await made.ticket(new AbortController().signal)).toEqual({ failure });
});

test('without a network there is no ticket, and nothing is thrown', async () => {
  const { made } = service(() => Promise.reject(new TypeError('no network')));

  expect(await made.ticket(new AbortController().signal)).toEqual({
    failure: { kind: 'unavailable', retryAfterMs: null },
  });
});

test('a declaration has its key, and a code only where it failed', async () => {
  const { made, requests } = service(() => json(201));

  expect(await made.declare('D/1', 'failed', 'weather', 'k1')).toBeNull();
  expect(await made.declare('D-1', 'cancelled', null, 'k2')).toBeNull();
  expect(requests[0]?.url).toBe('https://api.test/v1/deliveries/D%2F1/events');
  expect(requests[0]?.init.headers).toMatchObject({ 'Idempotency-Key': 'k1' });
  expect(requests.map(({ init }) => JSON.parse(String(init.body)))).toEqual([
    { type: 'failed', failure_code: 'weather' },
    { type: 'cancelled' },
  ]);
});

test.each([
  [401, 'signed_out'],
  [403, 'forbidden'],
  [404, 'not_found'],
  [409, 'conflict'],
  [400, 'refused'],
  [429, 'unavailable'],
  [500, 'unavailable'],
])('a declaration that is refused with %i', async (status, failure) => {
  const { made } = service(() => json(status));

  expect(await made.declare('D-1', 'delivered', null, 'k')).toBe(failure);
});

test('a share gives the token of its link', async () => {
  const { made, requests } = service(() => json(201, { token: 'D-1~x' }));

  expect(await made.share('D-1')).toEqual({ value: { token: 'D-1~x' } });
  expect(requests[0]?.url).toBe('https://api.test/v1/deliveries/D-1/shares');
});

const DELIVERY = {
  delivery_id: 'D-1',
  truck_id: 'T-1',
  customer_id: 'C-1',
  status: 'in_transit',
  version: 4,
  assignment: 1,
  origin: { lat: 1, lon: 2, radius_m: 150, name: 'Depot' },
  destination: { lat: 3, lon: 4, radius_m: 100 },
  window: { start: '2026-11-24T09:00:00.000Z', end: '2026-11-24T10:00:00.000Z' },
  visibility: { policy: 'en_route' },
  stop_sequence: 3,
  events: [],
};

test('another truck is given the whole plan, if it has not changed meanwhile', async () => {
  const { made, requests } = service(() => json(200, DELIVERY));

  expect(await made.reassign('D-1', 'T-2')).toBeNull();
  const [read, write] = requests;
  expect(read?.init.method).toBe('GET');
  expect(write?.init.method).toBe('PUT');
  expect(write?.init.headers).toMatchObject({ 'If-Match': '4' });
  const { customer_id, origin, destination, window, visibility, stop_sequence } = DELIVERY;
  expect(JSON.parse(String(write?.init.body))).toEqual({
    truck_id: 'T-2',
    customer_id,
    origin,
    destination,
    window,
    visibility,
    stop_sequence,
  });
});

test('what a delivery lacks is not in its plan', () => {
  const { customer_id, origin, destination } = DELIVERY;
  expect(planFor({ customer_id, origin, destination }, 'T-2')).toEqual({
    truck_id: 'T-2',
    customer_id,
    origin,
    destination,
  });
});

test('a delivery that can not be read is not written', async () => {
  const { made, requests } = service(() => json(404));

  expect(await made.reassign('D-1', 'T-2')).toBe('not_found');
  expect(requests).toHaveLength(1);
});

test('a delivery that has changed meanwhile is a conflict', async () => {
  let calls = 0;
  const { made } = service(() => json(++calls === 1 ? 200 : 412, DELIVERY));

  expect(await made.reassign('D-1', 'T-2')).toBe('conflict');
});

const PLAN = {
  truck_id: 'T-1',
  customer_id: 'C-1',
  origin: { lat: 1, lon: 2 },
  destination: { lat: 3, lon: 4 },
};

function answering(...statuses: number[]) {
  return service(() => json(statuses.shift() ?? 500));
}

test('a delivery is created when there is none with its id', async () => {
  const { made, requests } = answering(404, 201);

  expect(await made.create('D-9', PLAN, false)).toBeNull();
  expect(requests.map(({ init }) => init.method)).toEqual(['GET', 'PUT']);
  expect(JSON.parse(String(requests[1]?.init.body))).toEqual(PLAN);
});

test('a delivery that exists is not changed by creating it', async () => {
  const { made, requests } = answering(200);

  expect(await made.create('D-9', PLAN, false)).toBe('exists');
  expect(requests).toHaveLength(1);
});

test('creating it again, when no response came, is no conflict with oneself', async () => {
  const { made, requests } = answering(200);

  expect(await made.create('D-9', PLAN, true)).toBeNull();
  expect(requests.map(({ init }) => init.method)).toEqual(['PUT']);
});

test('what can not be looked for is not created', async () => {
  const { made, requests } = answering(503);

  expect(await made.create('D-9', PLAN, false)).toBe('unavailable');
  expect(requests).toHaveLength(1);
});

const POINT = { at: '2026-11-24T09:00:00.000Z', lat: 1, lon: 2, speed_mps: 3, heading_deg: 4 };

test('a track is read to its last page', async () => {
  const pages = [
    { points: [POINT], next_cursor: 'next' },
    { points: [POINT, POINT], next_cursor: null },
  ];
  const { made, requests } = service(() => json(200, pages.shift()));

  const read = await made.track('T-1', 0, 1000);

  expect('value' in read && [read.value.points.length, read.value.isWhole]).toEqual([3, true]);
  expect(requests.map(({ url }) => url)).toEqual([
    'https://api.test/v1/trucks/T-1/track?from=1970-01-01T00%3A00%3A00.000Z&to=1970-01-01T00%3A00%3A01.000Z',
    'https://api.test/v1/trucks/T-1/track?from=1970-01-01T00%3A00%3A00.000Z&to=1970-01-01T00%3A00%3A01.000Z&cursor=next',
  ]);
});

test('a track without an end is cut', async () => {
  const { made, requests } = service(() => json(200, { points: [POINT], next_cursor: 'more' }));

  const read = await made.track('T-1', 0, 1000);

  expect('value' in read && read.value.isWhole).toBe(false);
  expect(requests).toHaveLength(30);
});
