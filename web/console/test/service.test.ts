import { expect, test } from 'vitest';
import { planFor, Service } from '../service.js';

function fakeService(response: () => Response | Promise<Response>) {
  const requests: { url: string; init: RequestInit }[] = [];
  const service = new Service('https://api.test/v1', 'the token', async (url, init) => {
    requests.push({ url: String(url), init: init ?? {} });
    return response();
  });
  return { service, requests };
}

const json = (status: number, body: object = {}, headers = {}) =>
  new Response(JSON.stringify(body), { status, headers });

test('a ticket is fetched with the token in a header, not in the URL', async () => {
  const { service, requests } = fakeService(() => json(200, { ticket: 't1' }));

  expect(await service.ticket(new AbortController().signal)).toEqual({ ticket: 't1' });
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
])('a ticket response with status %i is a failure', async (status, failure) => {
  const { service } = fakeService(() => json(status, {}, { 'Retry-After': '7' }));

  expect(await service.ticket(new AbortController().signal)).toEqual({ failure });
});

test('a network error is a failure, and is not thrown', async () => {
  const { service } = fakeService(() => Promise.reject(new TypeError('no network')));

  expect(await service.ticket(new AbortController().signal)).toEqual({
    failure: { kind: 'unavailable', retryAfterMs: null },
  });
});

test('a declaration has its idempotency key, and a code only for a failure', async () => {
  const { service, requests } = fakeService(() => json(201));

  expect(await service.declare('D/1', 'failed', 'weather', 'k1')).toBeNull();
  expect(await service.declare('D-1', 'cancelled', null, 'k2')).toBeNull();
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
])('a declaration’s response with status %i is the failure %s', async (status, failure) => {
  const { service } = fakeService(() => json(status));

  expect(await service.declare('D-1', 'delivered', null, 'k')).toBe(failure);
});

test('creating a share returns its token', async () => {
  const { service, requests } = fakeService(() => json(201, { token: 'D-1~x' }));

  expect(await service.share('D-1')).toEqual({ value: { token: 'D-1~x' } });
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

test('reassigning writes the whole plan, on the condition that it has not changed', async () => {
  const { service, requests } = fakeService(() => json(200, DELIVERY));

  expect(await service.reassign('D-1', 'T-2')).toBeNull();
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

test('a plan contains only the fields of its delivery', () => {
  const { customer_id, origin, destination } = DELIVERY;
  expect(planFor({ customer_id, origin, destination }, 'T-2')).toEqual({
    truck_id: 'T-2',
    customer_id,
    origin,
    destination,
  });
});

test('a delivery that can’t be read is not written', async () => {
  const { service, requests } = fakeService(() => json(404));

  expect(await service.reassign('D-1', 'T-2')).toBe('not_found');
  expect(requests).toHaveLength(1);
});

test('reassigning a delivery that has changed in the meantime is a conflict', async () => {
  let calls = 0;
  const { service } = fakeService(() => json(++calls === 1 ? 200 : 412, DELIVERY));

  expect(await service.reassign('D-1', 'T-2')).toBe('conflict');
});

const PLAN = {
  truck_id: 'T-1',
  customer_id: 'C-1',
  origin: { lat: 1, lon: 2 },
  destination: { lat: 3, lon: 4 },
};

function respondingWith(...statuses: number[]) {
  return fakeService(() => json(statuses.shift() ?? 500));
}

test('a delivery is created if there is none with its id', async () => {
  const { service, requests } = respondingWith(404, 201);

  expect(await service.create('D-9', PLAN, false)).toBeNull();
  expect(requests.map(({ init }) => init.method)).toEqual(['GET', 'PUT']);
  expect(JSON.parse(String(requests[1]?.init.body))).toEqual(PLAN);
});

test('creating an existing delivery does not change it', async () => {
  const { service, requests } = respondingWith(200);

  expect(await service.create('D-9', PLAN, false)).toBe('exists');
  expect(requests).toHaveLength(1);
});

test('a retry after a lost response does not fail because the delivery exists', async () => {
  const { service, requests } = respondingWith(200);

  expect(await service.create('D-9', PLAN, true)).toBeNull();
  expect(requests.map(({ init }) => init.method)).toEqual(['PUT']);
});

test('a delivery is not created if the check for an existing one fails', async () => {
  const { service, requests } = respondingWith(503);

  expect(await service.create('D-9', PLAN, false)).toBe('unavailable');
  expect(requests).toHaveLength(1);
});

const POINT = { at: '2026-11-24T09:00:00.000Z', lat: 1, lon: 2, speed_mps: 3, heading_deg: 4 };

test('a track is read up to its last page', async () => {
  const pages = [
    { points: [POINT], next_cursor: 'next' },
    { points: [POINT, POINT], next_cursor: null },
  ];
  const { service, requests } = fakeService(() => json(200, pages.shift()));

  const read = await service.track('T-1', 0, 1000);

  expect('value' in read && [read.value.points.length, read.value.isComplete]).toEqual([3, true]);
  expect(requests.map(({ url }) => url)).toEqual([
    'https://api.test/v1/trucks/T-1/track?from=1970-01-01T00%3A00%3A00.000Z&to=1970-01-01T00%3A00%3A01.000Z',
    'https://api.test/v1/trucks/T-1/track?from=1970-01-01T00%3A00%3A00.000Z&to=1970-01-01T00%3A00%3A01.000Z&cursor=next',
  ]);
});

test('a track with too many pages is incomplete', async () => {
  const { service, requests } = fakeService(() =>
    json(200, { points: [POINT], next_cursor: 'more' }),
  );

  const read = await service.track('T-1', 0, 1000);

  expect('value' in read && read.value.isComplete).toBe(false);
  expect(requests).toHaveLength(30);
});
