import { beforeEach, expect, test } from 'vitest';
import {
  type Action,
  type FleetReport,
  FleetSession,
  type SessionInput,
  TIMING,
} from '../fleet_session.js';
import { WHOLE_FLEET } from '../fleet_view.js';

let session: FleetSession;
let nowMs: number;
let actions: Action[];

beforeEach(() => {
  session = new FleetSession(WHOLE_FLEET, () => 0.5);
  nowMs = 1_000_000;
  actions = [];
});

function on(input: SessionInput): Action[] {
  actions = session.on(input, nowMs);
  return actions;
}

function wake(): Action[] {
  nowMs = session.wakeAtMs ?? Number.NaN;
  return on({ type: 'wake' });
}

function lastReport(): FleetReport {
  const report = actions.findLast(({ type }) => type === 'report');
  if (report?.type !== 'report') throw new Error('no report');
  return report.report;
}

const sent = () =>
  actions.flatMap((action) => (action.type === 'send' ? [JSON.parse(action.frame)] : []));

const fleet = (view: string, second = 0, total = 1) =>
  JSON.stringify({
    v: 1,
    type: 'fleet',
    view,
    as_of: `2026-11-24T07:10:${String(second).padStart(2, '0')}.000Z`,
    total,
    trucks: [],
    clusters: [],
  });

function live(id = 1): void {
  on({ type: 'start' });
  on({ type: 'ticket', id, ticket: 't' });
  on({ type: 'open', id });
}

test('a session connects, requests its view and reports the snapshot', () => {
  expect(on({ type: 'start' }).map(({ type }) => type)).toEqual(['fetch_ticket', 'report']);
  expect(on({ type: 'ticket', id: 1, ticket: 't' })).toEqual([
    { type: 'open', id: 1, ticket: 't' },
  ]);
  on({ type: 'open', id: 1 });
  expect(sent()).toMatchObject([{ action: 'track_fleet', view: 'v1' }]);
  on({ type: 'frame', id: 1, frame: fleet('v1') });
  expect(lastReport()).toMatchObject({ connection: 'live', isCurrent: true, fleet: { total: 1 } });
});

test('the last snapshot is kept until one of the new view arrives', () => {
  live();
  on({ type: 'frame', id: 1, frame: fleet('v1', 1, 5) });
  nowMs += 1000;
  on({ type: 'view', view: { ...WHOLE_FLEET, zoom: 3 } });
  expect(sent()).toMatchObject([{ view: 'v2', zoom: 3 }]);
  on({ type: 'frame', id: 1, frame: fleet('v1', 2, 6) });
  expect(lastReport()).toMatchObject({ isCurrent: false, fleet: { total: 5 } });
  on({ type: 'frame', id: 1, frame: fleet('v2', 3, 7) });
  expect(lastReport()).toMatchObject({ isCurrent: true, fleet: { total: 7 } });
});

test('a snapshot older than the last one is ignored', () => {
  live();
  on({ type: 'frame', id: 1, frame: fleet('v1', 5, 5) });
  on({ type: 'frame', id: 1, frame: fleet('v1', 4, 4) });
  expect(lastReport().fleet?.total).toBe(5);
});

test('of several views in quick succession, only the last is requested', () => {
  live();
  for (const zoom of [1, 2, 3]) on({ type: 'view', view: { ...WHOLE_FLEET, zoom } });
  expect(sent()).toEqual([]);
  const startMs = nowMs;
  wake();
  expect(nowMs).toBe(startMs + TIMING.betweenViewsMs);
  expect(sent()).toMatchObject([{ view: 'v4', zoom: 3 }]);
});

test('a silent connection is replaced, and the snapshot is kept', () => {
  live();
  on({ type: 'frame', id: 1, frame: fleet('v1') });
  const lastFrameMs = nowMs;
  wake();
  expect(nowMs).toBe(lastFrameMs + TIMING.silenceMs);
  expect(actions[0]).toEqual({ type: 'close', id: 1 });
  expect(lastReport()).toMatchObject({ connection: 'offline', fleet: { total: 1 } });
  wake();
  expect(actions[0]).toEqual({ type: 'fetch_ticket', id: 2 });
});

test('the wait grows with each failed attempt, and Retry-After is respected', () => {
  on({ type: 'start' });
  const waits = [1, 2, 3].map((id) => {
    on({ type: 'no_ticket', id, failure: { kind: 'unavailable', retryAfterMs: null } });
    const waitMs = (session.wakeAtMs ?? 0) - nowMs;
    wake();
    return waitMs;
  });
  expect(waits).toEqual([250, 500, 1000]);
  on({ type: 'no_ticket', id: 4, failure: { kind: 'unavailable', retryAfterMs: 9000 } });
  expect((session.wakeAtMs ?? 0) - nowMs).toBe(9000);
  expect(on({ type: 'check' })[0]).toEqual({ type: 'fetch_ticket', id: 5 });
});

test('an attempt fails if the socket does not open in time', () => {
  on({ type: 'start' });
  on({ type: 'ticket', id: 1, ticket: 't' });
  wake();
  expect(actions[0]).toEqual({ type: 'close', id: 1 });
  expect(lastReport().connection).toBe('offline');
});

test('a connection is renewed before the gateway ends it', () => {
  live();
  const openedMs = nowMs;
  const renewAtMs = openedMs + TIMING.renewAfterMs + TIMING.renewJitterMs / 2;
  while (session.wakeAtMs !== renewAtMs) {
    nowMs = (session.wakeAtMs ?? Number.NaN) - 1;
    on({ type: 'frame', id: 1, frame: fleet('v1') });
  }
  wake();
  expect(actions.map(({ type }) => type)).toEqual(['close', 'fetch_ticket', 'report']);
});

test('inputs from an earlier connection are ignored', () => {
  live();
  on({ type: 'pause' });
  on({ type: 'start' });
  expect(on({ type: 'frame', id: 1, frame: fleet('v1') })).toEqual([]);
  expect(on({ type: 'closed', id: 1 })).toEqual([]);
  expect(on({ type: 'ticket', id: 1, ticket: 't' })).toEqual([]);
});

test('a paused session has no connection and no timer', () => {
  live();
  on({ type: 'frame', id: 1, frame: fleet('v1') });
  on({ type: 'pause' });
  expect(lastReport()).toMatchObject({ connection: 'paused', fleet: { total: 1 } });
  expect(session.wakeAtMs).toBeNull();
  expect(on({ type: 'check' })).toEqual([]);
  expect(on({ type: 'start' })[0]).toEqual({ type: 'fetch_ticket', id: 2 });
});

test.each([
  ['signed_out', 'not_valid'],
  ['forbidden', 'forbidden'],
])('a session ends as %s if the ticket is refused as %s', (connection, reason) => {
  on({ type: 'start' });
  on({ type: 'no_ticket', id: 1, failure: { kind: 'refused', reason } });
  expect(lastReport().connection).toBe(connection);
  expect(session.wakeAtMs).toBeNull();
});

test.each([
  ['signed_out', { type: 'fleet_ended', reason: 'token_expired' }],
  ['forbidden', { type: 'error', topic: 'fleet', reason: 'forbidden' }],
])('a session ends as %s after the service’s message', (connection, message) => {
  live();
  on({ type: 'frame', id: 1, frame: JSON.stringify({ v: 1, ...message }) });
  expect(lastReport().connection).toBe(connection);
  expect(session.wakeAtMs).toBeNull();
});
