import type { DeliveryView, Report, Summary } from '@rtdts/client';
import { CLOSED_STATUSES, emptyView } from '@rtdts/client';
import { expect, test } from 'vitest';
import { pageState } from '../page_state.js';

const NOW_MS = Date.parse('2026-11-24T08:00:00.000Z');
const at = (seconds: number) => new Date(NOW_MS + seconds * 1000).toISOString();

const SUMMARY: Summary = {
  delivery_id: 'D-1',
  status: 'in_transit',
  version: 3,
  window: { start: at(600), end: at(1200) },
  origin: { lat: 41.9, lon: -87.6, name: null },
  destination: { lat: 41.8, lon: -87.7, name: null },
  timeline: [{ status: 'in_transit', at: at(-900) }],
  failure_code: null,
  stops_before: 2,
};

function position(age_s: number, stale_since: string | null = null) {
  const none = { heading_deg: null, speed_mps: null, accuracy_m: null };
  return { lat: 41.85, lon: -87.65, recorded_at: at(-age_s), age_s, stale_since, ...none };
}

function delivery(changes: Partial<DeliveryView> = {}): DeliveryView {
  return {
    ...emptyView('D-1'),
    version: 4,
    status: 'in_transit',
    assignment: 1,
    position: position(12),
    position_at: at(-12),
    distance_remaining_m: 4210,
    stops_before: 1,
    ...changes,
  };
}

function report(changes: Partial<Report> = {}): Report {
  return {
    delivery: delivery(),
    summary: SUMMARY,
    connection: 'live',
    endReason: null,
    trueAsOfMs: NOW_MS - 1000,
    positionMs: NOW_MS - 12_000,
    changes: { events: [], position: false },
    ...changes,
  };
}

const stateOf = (report: Report | null, changes = {}) =>
  pageState({
    report,
    hasToken: true,
    configFailed: false,
    isOnline: true,
    nowMs: NOW_MS,
    ...changes,
  });

test('a truck under way is shown with the age of its position, its distance and stops', () => {
  const state = stateOf(report());

  expect(state.link).toBe('shown');
  expect(state.age_s).toBe(12);
  expect(state.remaining_m).toBe(4210);
  expect(state.stopsBefore).toBe(1);
  expect(state.isOld).toBe(false);
});

test('a truck at the destination has no stops before it', () => {
  const arrived = delivery({ status: 'arrived', stops_before: 0 });

  expect(stateOf(report({ delivery: arrived })).stopsBefore).toBeNull();
});

test('the age grows while no message is received, and the position is old after 150 s', () => {
  expect(stateOf(report(), { nowMs: NOW_MS + 100_000 }).age_s).toBe(112);
  expect(stateOf(report(), { nowMs: NOW_MS + 139_000 }).isOld).toBe(true);
});

test('before the first message the page shows the data of the ticket', () => {
  const state = stateOf(report({ delivery: emptyView('D-1'), positionMs: null }));

  expect(state.status).toBe('in_transit');
  expect(state.steps).toEqual(SUMMARY.timeline);
  expect(state.stopsBefore).toBe(2);
  expect(state.noEta).toBe('not_yet_loaded');
});

test('the data of the ticket is used if its version is later than the socket’s', () => {
  const state = stateOf(report({ summary: { ...SUMMARY, version: 9, status: 'delivered' } }));

  expect(state.status).toBe('delivered');
});

test('an ETA range shows no time in the past, and a past range is not shown', () => {
  const started = delivery({ eta: { earliest: at(-60), latest: at(300) } });
  const past = delivery({ eta: { earliest: at(-600), latest: at(-1) } });

  expect(stateOf(report({ delivery: started })).eta).toEqual({ earliest: at(0), latest: at(300) });
  expect(stateOf(report({ delivery: past })).eta).toBeNull();
  expect(stateOf(report({ delivery: past })).noEta).toBe('unknown');
});

test('a range of more than 10 minutes is wide, and one after the agreed window is late', () => {
  const wide = delivery({ eta: { earliest: at(60), latest: at(1260) } });
  const late = delivery({ eta: { earliest: at(1201), latest: at(1300) } });

  expect(stateOf(report({ delivery: wide })).etaIsWide).toBe(true);
  expect(stateOf(report({ delivery: wide })).isLate).toBe(false);
  expect(stateOf(report({ delivery: late })).etaIsWide).toBe(false);
  expect(stateOf(report({ delivery: late })).isLate).toBe(true);
});

test('a stale position has the time since when it is stale, and no ETA', () => {
  const stale = delivery({ position: position(60, at(-50)) });
  const state = stateOf(report({ delivery: stale }));

  expect(state.staleSince).toBe(at(-50));
  expect(state.noEta).toBe('stale');
});

test.each(CLOSED_STATUSES)(
  'a %s delivery shows no ETA, no age of its position and no warning',
  (status) => {
    const closed = delivery({ status, position: position(4000, at(-3900)) });
    const state = stateOf(report({ delivery: closed, positionMs: NOW_MS - 4_000_000 }));

    expect(state).toMatchObject({
      eta: null,
      noEta: null,
      window: null,
      age_s: null,
      isOld: false,
      staleSince: null,
      stopsBefore: null,
    });
  },
);

test('a failure code is shown only if the status is failed', () => {
  expect(stateOf(report({ delivery: delivery({ failure_code: 'refused' }) })).failure).toBeNull();

  const failed = delivery({ status: 'failed', failure_code: 'refused' });
  expect(stateOf(report({ delivery: failed })).failure).toBe('refused');
});

test.each([
  ['missing', null, { hasToken: false }],
  ['loading', null, {}],
  ['loading', report({ delivery: null, summary: null, connection: 'offline' }), {}],
  [
    'invalid',
    report({ delivery: null, summary: null, connection: 'ended', endReason: 'not_found' }),
    {},
  ],
  [
    'unavailable',
    report({ delivery: null, summary: null, connection: 'ended', endReason: 'forbidden' }),
    {},
  ],
  ['unavailable', null, { configFailed: true }],
  ['shown', report({ connection: 'ended', endReason: 'viewing_over' }), {}],
] as const)('the link is %s', (link, received, changes) => {
  expect(stateOf(received, changes).link).toBe(link);
});

test.each([
  ['fine', report(), {}],
  ['fine', report({ connection: 'paused' }), {}],
  ['lost', report({ connection: 'offline' }), {}],
  ['no_network', report({ connection: 'offline' }), { isOnline: false }],
  ['ended', report({ connection: 'ended' }), { isOnline: false }],
  ['connecting', null, {}],
] as const)('the connection is %s', (connection, received, changes) => {
  expect(stateOf(received, changes).connection).toBe(connection);
});
