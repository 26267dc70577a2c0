import { expect, test } from 'vitest';
import { deliveryOf, latenessOf } from '../delivery.js';

const at = (minute: number) => `2026-11-24T09:${String(minute).padStart(2, '0')}:00.000Z`;
const event = (version: number, status: string, assignment = 1) => ({
  version,
  status,
  assignment,
  effective_at: at(version),
  cause: 'declared',
});
const DELIVERY = {
  delivery_id: 'D-1',
  truck_id: 'T-2',
  customer_id: 'C-1',
  status: 'arrived',
  version: 5,
  assignment: 2,
  origin: { lat: 1, lon: 2, radius_m: 100, name: 'Depot' },
  destination: { lat: 3, lon: 4, radius_m: 100 },
  window: { start: at(0), end: at(30) },
  events: [
    event(1, 'assigned'),
    event(2, 'in_transit'),
    event(3, 'in_transit', 2),
    event(4, 'arrived', 2),
    event(5, 'arrived', 2),
  ],
};

test('a delivery has the times of its assignment and of its current status', () => {
  expect(deliveryOf(DELIVERY)).toEqual({
    truckId: 'T-2',
    customerId: 'C-1',
    status: 'arrived',
    origin: { lat: 1, lon: 2, name: 'Depot' },
    destination: { lat: 3, lon: 4, name: null },
    window: DELIVERY.window,
    assignedMs: Date.parse(at(3)),
    sinceMs: Date.parse(at(4)),
  });
});

test.each([
  ['nothing', null],
  ['no place', { ...DELIVERY, origin: null }],
  ['no events', { ...DELIVERY, events: [] }],
  ['an event without a time', { ...DELIVERY, events: [{ status: 'arrived' }] }],
])('%s is not a valid delivery', (_, value) => {
  expect(deliveryOf(value)).toBeNull();
});

test('a delivery is late if its window has ended, or ends before its earliest arrival', () => {
  const window = { start: at(0), end: at(30) };
  const now = Date.parse(at(10));
  const eta = (earliest: number) => ({ earliest: at(earliest), latest: at(59) });

  expect(latenessOf(window, eta(20), now)).toBeNull();
  expect(latenessOf(window, null, now)).toBeNull();
  expect(latenessOf(window, eta(31), now)).toBe('expected_after');
  expect(latenessOf(window, eta(20), Date.parse(at(30)))).toBe('window_ended');
  expect(latenessOf(null, eta(31), now)).toBeNull();
});
