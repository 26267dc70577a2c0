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

const seen = (of: Report | null, changes = {}) =>
  pageState({
    report: of,
    hasToken: true,
    configFailed: false,
    isOnline: true,
    nowMs: NOW_MS,
    ...changes,
  });

test('a truck under way is shown with its age, distance and stops', () => {
  const state = seen(report());

  expect(state.link).toBe('shown');
  expect(state.age_s).toBe(12);
  expect(state.remaining_m).toBe(4210);
  expect(state.stopsBefore).toBe(1);
  expect(state.isOld).toBe(false);
});

test('the age grows while nothing is received, and the position is old after 150 s', () => {
  expect(seen(report(), { nowMs: NOW_MS + 100_000 }).age_s).toBe(112);
  expect(seen(report(), { nowMs: NOW_MS + 139_000 }).isOld).toBe(true);
});

test('before the socket has spoken the page shows what came with the ticket', () => {
  const state = seen(report({ delivery: emptyView('D-1'), positionMs: null }));

  expect(state.status).toBe('in_transit');
  expect(state.steps).toEqual(SUMMARY.timeline);
  expect(state.stopsBefore).toBe(2);
  expect(state.noEta).toBe('not_yet_loaded');
});

test('a ticket of a later version than the socket knows is believed', () => {
  const state = seen(report({ summary: { ...SUMMARY, version: 9, status: 'delivered' } }));

  expect(state.status).toBe('delivered');
});

test('a range that has begun is cut to what is ahead, and one that is over is not shown', () => {
  const begun = delivery({ eta: { earliest: at(-60), latest: at(300) } });
  const over = delivery({ eta: { earliest: at(-600), latest: at(-1) } });

  expect(seen(report({ delivery: begun })).eta).toEqual({ earliest: at(0), latest: at(300) });
  expect(seen(report({ delivery: over })).eta).toBeNull();
  expect(seen(report({ delivery: over })).noEta).toBe('unknown');
});

test('a wide range is called wide, and one after the agreed time late', () => {
  const wide = delivery({ eta: { earliest: at(60), latest: at(1260) } });
  const late = delivery({ eta: { earliest: at(1201), latest: at(1300) } });

  expect(seen(report({ delivery: wide })).etaIsWide).toBe(true);
  expect(seen(report({ delivery: wide })).isLate).toBe(false);
  expect(seen(report({ delivery: late })).etaIsWide).toBe(false);
  expect(seen(report({ delivery: late })).isLate).toBe(true);
});

test('a stale position says since when, and takes the time of arrival with it', () => {
  const stale = delivery({ position: position(60, at(-50)) });
  const state = seen(report({ delivery: stale }));

  expect(state.staleSince).toBe(at(-50));
  expect(state.noEta).toBe('stale');
});

test.each(CLOSED_STATUSES)('a %s delivery expects nothing and worries about nothing', (status) => {
  const closed = delivery({ status, position: position(4000, at(-3900)) });
  const state = seen(report({ delivery: closed, positionMs: NOW_MS - 4_000_000 }));

  expect(state).toMatchObject({
    eta: null,
    noEta: null,
    window: null,
    age_s: null,
    isOld: false,
    staleSince: null,
    stopsBefore: null,
  });
});

test('a failure has its code only while the status is failed', () => {
  expect(seen(report({ delivery: delivery({ failure_code: 'refused' }) })).failure).toBeNull();

  const failed = delivery({ status: 'failed', failure_code: 'refused' });
  expect(seen(report({ delivery: failed })).failure).toBe('refused');
});

test.each([
  ['absent', null, { hasToken: false }],
  ['loading', null, {}],
  ['loading', report({ delivery: null, summary: null, connection: 'offline' }), {}],
  [
    'over',
    report({ delivery: null, summary: null, connection: 'ended', endReason: 'not_found' }),
    {},
  ],
  [
    'broken',
    report({ delivery: null, summary: null, connection: 'ended', endReason: 'forbidden' }),
    {},
  ],
  ['broken', null, { configFailed: true }],
  ['shown', report({ connection: 'ended', endReason: 'viewing_over' }), {}],
] as const)('the link is %s', (link, of, changes) => {
  expect(seen(of, changes).link).toBe(link);
});

test.each([
  ['fine', report(), {}],
  ['fine', report({ connection: 'paused' }), {}],
  ['lost', report({ connection: 'offline' }), {}],
  ['no_network', report({ connection: 'offline' }), { isOnline: false }],
  ['ended', report({ connection: 'ended' }), { isOnline: false }],
  ['connecting', null, {}],
] as const)('the connection is %s', (connection, of, changes) => {
  expect(seen(of, changes).connection).toBe(connection);
});
