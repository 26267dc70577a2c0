import { beforeEach, expect, test } from 'vitest';
import { ALERT_KINDS, type AlertKind, AlertWatch, alertView, CLOSED_WITHIN_MS } from '../alerts.js';
import type { Fleet, FleetTruck } from '../fleet_messages.js';
import type { FleetReport } from '../fleet_session.js';
import { trackFleet } from '../fleet_view.js';

const NOW = 1_800_000_000_000;
let watch: AlertWatch;
beforeEach(() => {
  watch = new AlertWatch();
});

const truck = (truckId: string, deliveryId: string | null = `D-${truckId}`): FleetTruck => ({
  truckId,
  lat: 1,
  lon: 2,
  heading_deg: null,
  speed_mps: null,
  atMs: NOW,
  status: 'in_transit',
  deliveryId,
  isLate: true,
  isStale: false,
  isOffline: false,
});

function report(trucks: FleetTruck[], more: Partial<Fleet> = {}): FleetReport {
  const fleet = { view: 'v', asOfMs: NOW, total: trucks.length, trucks, clusters: [], ...more };
  return { connection: 'live', fleet, fleetMs: NOW, isCurrent: true };
}

/** Turns until a kind is looked at, and shows it. */
function see(kind: AlertKind, seen: FleetReport): void {
  while (watch.kind !== kind) watch.turn();
  watch.update(seen);
}

const filterOf = (kind: AlertKind) => JSON.parse(trackFleet(alertView(kind), 'v')).filter;

test('each kind is looked at in turn, all over the world', () => {
  const kinds = ALERT_KINDS.map(() => {
    watch.turn();
    return watch.kind;
  });

  expect(kinds).toEqual(['offline', 'stale', 'arrived', 'late']);
  expect(alertView('late').bbox).toEqual([-180, -90, 180, 90]);
});

test('a truck without a delivery may be silent, and what is offline is not stale besides', () => {
  expect(filterOf('late')).toEqual({ late: true });
  expect(filterOf('offline').offline).toBe(true);
  expect(filterOf('offline').status).not.toContain('none');
  expect(filterOf('stale')).toMatchObject({ stale: true, offline: false });
  expect(filterOf('stale').status).toHaveLength(6);
  expect(filterOf('arrived')).toEqual({ status: ['arrived'] });
});

test('an alert is new once, and again after it was over', () => {
  see('late', report([truck('T-1')]));

  expect(watch.now(NOW).added.map((one) => one.truck.truckId)).toEqual(['T-1']);
  expect(watch.now(NOW)).toMatchObject({ added: [], counts: { late: 1 } });

  see('late', report([]));

  expect(watch.now(NOW).alerts).toEqual([]);

  see('late', report([truck('T-1')]));

  expect(watch.now(NOW).added).toHaveLength(1);
});

test('what is of another view is not taken', () => {
  expect(watch.update({ ...report([truck('T-1')]), isCurrent: false })).toBe(false);
  expect(watch.now(NOW).alerts).toEqual([]);
});

test('too many to name are counted', () => {
  see('late', report([], { total: 612, clusters: [] }));

  expect(watch.now(NOW)).toMatchObject({ alerts: [], counts: { late: 612 } });
});

test('a delivery that has arrived has time to be closed', () => {
  see('arrived', report([truck('T-1'), truck('T-2')]));
  expect(watch.toRead).toEqual(['D-T-1', 'D-T-2']);
  expect(watch.now(NOW).alerts).toEqual([]);

  watch.arrivedSince('D-T-1', NOW - CLOSED_WITHIN_MS);
  watch.arrivedSince('D-T-2', NOW - CLOSED_WITHIN_MS + 1);

  expect(watch.toRead).toEqual([]);
  expect(watch.now(NOW)).toMatchObject({
    alerts: [{ kind: 'arrived', truck: { truckId: 'T-1' }, sinceMs: NOW - CLOSED_WITHIN_MS }],
    counts: { arrived: 1 },
  });

  see('arrived', report([truck('T-2')]));
  watch.arrivedSince('D-T-1', NOW - CLOSED_WITHIN_MS); // read too late

  expect(watch.now(NOW).alerts).toEqual([]);
});

test('few are read at once', () => {
  see('arrived', report(Array.from({ length: 9 }, (_, i) => truck(`T-${i}`))));

  expect(watch.toRead).toHaveLength(5);
});
