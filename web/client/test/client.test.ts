import { expect, test } from 'vitest';
import { DeliveryTracker, type Report, type Status } from '../src/index.js';
import { FakeService, seeded } from './fake_service.js';
import { VirtualTime } from './virtual_time.js';

function tracked(service: FakeService, random = () => 0.5) {
  const reports: Report[] = [];
  const { time } = service;
  const tracker = new DeliveryTracker({
    webSocketUrl: 'ws://socket.test/live',
    access: service.access,
    onReport: (report) => reports.push(report),
    openSocket: service.openSocket,
    nowMs: () => time.nowMs,
    setTimer: time.setTimer,
    clearTimer: time.clearTimer,
    random,
  });
  tracker.start();
  return { tracker, reports, last: () => reports.at(-1) as Report };
}

const versionsOf = (reports: Report[]) =>
  reports.flatMap((report) => report.changes.events.map((event) => event.version));

test('a tracker reports the delivery and when it was last confirmed', async () => {
  const service = new FakeService(new VirtualTime());
  const { last } = tracked(service);
  await service.time.pass(1000);

  expect(last().connection).toBe('live');
  expect(last().delivery?.status).toBe('assigned');
  expect(last().trueAsOfMs).toBeLessThanOrEqual(service.time.nowMs);
  expect(service.sockets[0]?.url).toBe('ws://socket.test/live?ticket=t-1');
});

test('a hidden page has no socket and no timer', async () => {
  const service = new FakeService(new VirtualTime());
  const { tracker, last } = tracked(service);
  await service.time.pass(1000);
  tracker.pause();
  await service.time.pass(3_600_000);

  expect(service.open).toHaveLength(0);
  expect(service.tickets).toBe(1);
  expect(last().connection).toBe('paused');

  service.addEvent('in_transit');
  tracker.resume();
  await service.time.pass(1000);

  expect(last().delivery?.status).toBe('in_transit');
  expect(service.sockets.at(-1)?.sent[0]?.since_version).toBe(1);
});

test('a ticket that arrives after a pause opens no socket', async () => {
  const service = new FakeService(new VirtualTime());
  const { tracker } = tracked(service);
  tracker.pause();
  await service.time.pass(5000);

  expect(service.sockets).toHaveLength(0);
});

test('a silent socket is replaced', async () => {
  const service = new FakeService(new VirtualTime());
  const { last } = tracked(service);
  await service.time.pass(1000);
  for (const socket of service.open) socket.isSilent = true;
  await service.time.pass(80_000);

  expect(last().connection).toBe('live');
  expect(service.sockets).toHaveLength(2);
});

test('no further ticket is requested for an ended share', async () => {
  const service = new FakeService(new VirtualTime());
  service.ticketsRefused = 'not_found';
  const { last } = tracked(service);
  await service.time.pass(600_000);

  expect(last().connection).toBe('ended');
  expect(last().endReason).toBe('not_found');
});

test('a tracker connects within 21 s after a long outage of the service', async () => {
  const service = new FakeService(new VirtualTime());
  service.isUnavailable = true;
  const { last } = tracked(service, seeded(7));
  await service.time.pass(600_000);

  expect(last().connection).toBe('offline');

  service.isUnavailable = false;
  await service.time.pass(21_000);

  expect(last().connection).toBe('live');
});

const HOURS = 6;
const ROUND_MS = 60_000;

test.each([1, 2, 3, 4, 5, 6, 7, 8])(
  'over 6 hours of random closes no event is missed or repeated and no position is late (seed %i)',
  async (seed) => {
    const random = seeded(seed);
    const time = new VirtualTime();
    const service = new FakeService(time, random, 0.05);
    const { reports } = tracked(service, random);
    const endMs = time.nowMs + HOURS * 3_600_000;
    const statuses: Status[] = ['en_route_to_pickup', 'at_pickup', 'in_transit', 'nearby'];
    every(
      time,
      endMs,
      () => 5_000 + random() * 600_000,
      () => service.open.map((s) => s.end()),
    );
    every(
      time,
      endMs,
      () => 60_000 + random() * 900_000,
      () => service.addEvent(statuses[Math.floor(random() * 4)] as Status),
    );
    every(
      time,
      endMs,
      () => 10_000,
      () => service.move(35 + random()),
    );
    every(
      time,
      endMs,
      () => ROUND_MS,
      () => service.round(),
    );
    every(
      time,
      endMs,
      () => 1000,
      () => {
        // The gateway ends a connection after two hours.
        for (const socket of service.open)
          if (time.nowMs - socket.openedMs > 7_200_000) socket.end();
      },
    );
    await time.pass(HOURS * 3_600_000 + 3 * ROUND_MS);

    const versions = versionsOf(reports);
    const all = service.events.map((event) => event.version);
    expect([...versions].sort((one, other) => one - other)).toEqual(all);
    const positions = reports.filter((report) => report.changes.position);
    const shown = positions.map((report) => report.delivery?.position_at ?? '');
    expect(shown).toEqual([...new Set(shown)].sort());
    // One message in 20 is lost, so two rounds in a row may be lost, but hardly ever three.
    const gaps = positions.slice(1).map((report, i) => {
      return (report.trueAsOfMs ?? 0) - (positions[i]?.trueAsOfMs ?? 0);
    });
    expect(Math.max(...gaps)).toBeLessThan(3 * ROUND_MS + 2000);
  },
);

test('without lost messages no gap exceeds a round by more than 2 s when sockets close', async () => {
  const random = seeded(11);
  const time = new VirtualTime();
  const service = new FakeService(time, random);
  const { reports } = tracked(service, random);
  const endMs = time.nowMs + HOURS * 3_600_000;
  every(
    time,
    endMs,
    () => 5_000 + random() * 600_000,
    () => service.open.map((s) => s.end()),
  );
  every(
    time,
    endMs,
    () => 10_000,
    () => service.move(35 + random()),
  );
  every(
    time,
    endMs,
    () => ROUND_MS,
    () => service.round(),
  );
  await time.pass(HOURS * 3_600_000);

  const lastFrameMs = reports.map((report) => report.trueAsOfMs ?? 0).filter((ms) => ms > 0);
  const gaps = lastFrameMs.slice(1).map((ms, i) => ms - (lastFrameMs[i] ?? 0));
  expect(Math.max(...gaps)).toBeLessThanOrEqual(ROUND_MS + 2000);
});

function every(time: VirtualTime, endMs: number, waitMs: () => number, run: () => void): void {
  const atMs = time.nowMs + waitMs();
  if (atMs >= endMs) return;
  time.at(atMs, () => {
    run();
    every(time, endMs, waitMs, run);
  });
}
