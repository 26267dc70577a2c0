import { beforeEach, expect, test } from 'vitest';
import { ALERT_AFTER_MS, ALERT_KINDS, type AlertKind, AlertWatch, alertView } from '../alerts.js';
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

/** Advances to a kind, and applies a snapshot of it. */
function update(kind: AlertKind, snapshot: FleetReport): void {
  while (watch.kind !== kind) watch.nextView();
  watch.update(snapshot);
}

const filterOf = (kind: AlertKind) => JSON.parse(trackFleet(alertView(kind), 'v')).filter;

test('each kind is requested in turn, for the whole world', () => {
  const kinds = ALERT_KINDS.map(() => {
    watch.nextView();
    return watch.kind;
  });

  expect(kinds).toEqual(['offline', 'stale', 'arrived', 'late']);
  expect(alertView('late').bbox).toEqual([-180, -90, 180, 90]);
});

test('a silent truck without a delivery raises no alert, and an offline truck is not also stale', () => {
  expect(filterOf('late')).toEqual({ late: true });
  expect(filterOf('offline').offline).toBe(true);
  expect(filterOf('offline').status).not.toContain('none');
  expect(filterOf('stale')).toMatchObject({ stale: true, offline: false });
  expect(filterOf('stale').status).toHaveLength(6);
  expect(filterOf('arrived')).toEqual({ status: ['arrived'] });
});

test('an alert is new once, and again after it has ended', () => {
  update('late', report([truck('T-1')]));

  expect(watch.current(NOW).added.map((one) => one.truck.truckId)).toEqual(['T-1']);
  expect(watch.current(NOW)).toMatchObject({ added: [], counts: { late: 1 } });

  update('late', report([]));

  expect(watch.current(NOW).alerts).toEqual([]);

  update('late', report([truck('T-1')]));

  expect(watch.current(NOW).added).toHaveLength(1);
});

test('a snapshot of another view is ignored', () => {
  expect(watch.update({ ...report([truck('T-1')]), isCurrent: false })).toBe(false);
  expect(watch.current(NOW).alerts).toEqual([]);
});

test('trucks beyond those in the snapshot are counted', () => {
  update('late', report([], { total: 612, clusters: [] }));

  expect(watch.current(NOW)).toMatchObject({ alerts: [], counts: { late: 612 } });
});

test('an arrived delivery raises an alert only after the time to close it', () => {
  update('arrived', report([truck('T-1'), truck('T-2')]));
  expect(watch.unknownArrivals).toEqual(['D-T-1', 'D-T-2']);
  expect(watch.current(NOW).alerts).toEqual([]);

  watch.setArrival('D-T-1', NOW - ALERT_AFTER_MS);
  watch.setArrival('D-T-2', NOW - ALERT_AFTER_MS + 1);

  expect(watch.unknownArrivals).toEqual([]);
  expect(watch.current(NOW)).toMatchObject({
    alerts: [{ kind: 'arrived', truck: { truckId: 'T-1' }, sinceMs: NOW - ALERT_AFTER_MS }],
    counts: { arrived: 1 },
  });

  update('arrived', report([truck('T-2')]));
  watch.setArrival('D-T-1', NOW - ALERT_AFTER_MS); // no longer in the snapshot

  expect(watch.current(NOW).alerts).toEqual([]);
});

test('one pass reads at most 5 deliveries', () => {
  update('arrived', report(Array.from({ length: 9 }, (_, i) => truck(`T-${i}`))));

  expect(watch.unknownArrivals).toHaveLength(5);
});
