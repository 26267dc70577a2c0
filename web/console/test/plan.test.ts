import { expect, test } from 'vitest';
import { checkDraft, type Draft, emptyDraft, placeOf, placeText } from '../plan.js';

const VALID: Draft = {
  ...emptyDraft('T-1', () => 0.5),
  customerId: 'C-1',
  origin: '41.88, -87.63',
  destination: ' -33.9 ,151.2 ',
};

test('a valid form becomes the request body of the API', () => {
  expect(checkDraft(VALID)).toEqual({
    deliveryId: 'D-iiiiii',
    plan: {
      truck_id: 'T-1',
      customer_id: 'C-1',
      origin: { lat: 41.88, lon: -87.63 },
      destination: { lat: -33.9, lon: 151.2 },
    },
  });
});

test('names and the window are in the plan if they were entered', () => {
  const windowStart = '2026-11-24T09:00';
  const windowEnd = '2026-11-24T10:00';
  const result = checkDraft({ ...VALID, originName: ' Depot ', windowStart, windowEnd });

  expect(result).toMatchObject({
    plan: {
      origin: { lat: 41.88, lon: -87.63, name: 'Depot' },
      window: {
        start: new Date(windowStart).toISOString(),
        end: new Date(windowEnd).toISOString(),
      },
    },
  });
});

test.each([
  ['no id', { deliveryId: '' }, { deliveryId: 'id' }],
  ['an id with a slash', { truckId: 'T/1' }, { truckId: 'id' }],
  ['no place', { origin: 'the depot' }, { origin: 'place' }],
  ['a place beyond the pole', { destination: '91, 0' }, { destination: 'place' }],
  ['half a window', { windowEnd: '2026-11-24T10:00' }, { windowStart: 'window' }],
  [
    'a window that ends first',
    { windowStart: '2026-11-24T10:00', windowEnd: '2026-11-24T09:00' },
    { windowEnd: 'window_order' },
  ],
])('%s is reported for its field', (_, change, problems) => {
  expect(checkDraft({ ...VALID, ...change })).toEqual({ problems });
});

test('a formatted place is parsed as the same place', () => {
  expect(placeOf(placeText({ lat: -41.123456, lon: 174.987654 }))).toEqual({
    lat: -41.12346,
    lon: 174.98765,
  });
});
