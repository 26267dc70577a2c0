import { expect, test } from 'vitest';
import { type Fleet, fleetMessageOf } from '../fleet_messages.js';
import {
  boxAround,
  boxOf,
  boxOfTile,
  isSearch,
  trackFleet,
  troublesOf,
  WHOLE_FLEET,
  zoomOfTile,
} from '../fleet_view.js';
import { rowAfter, scrollTo, windowOf } from '../list_window.js';
import { texts } from '../texts.js';

// The examples of docs/asyncapi.yaml.
const TRUCKS = {
  v: 1,
  type: 'fleet',
  sent_at: '2026-11-24T07:10:00.312Z',
  view: 'v7',
  as_of: '2026-11-24T07:10:00.120Z',
  total: 2,
  trucks: [
    ['T-0012', 35.17055, 129.133, 271, 13.2, 1795504198120, 'in_transit', 'D-1', 1],
    ['T-0044', 35.15912, 129.06031, null, null, 1795503311000, null, null, 6],
  ],
  clusters: [],
};
const CLUSTERS = {
  ...TRUCKS,
  view: null,
  total: 8134,
  trucks: [],
  clusters: [
    ['6/54/25', 35.21504, 128.99312, 8021, 112, 40, 9],
    ['6/55/25', 35.98811, 129.40021, 113, 0, 2, 0],
  ],
};

function fleetOf(message: object): Fleet {
  const read = fleetMessageOf(JSON.stringify(message));
  if (read?.type !== 'fleet') throw new Error('not a fleet message');
  return read.fleet;
}

test('trucks are parsed with their flags', () => {
  const [late, silent] = fleetOf(TRUCKS).trucks;

  expect(late).toMatchObject({ truckId: 'T-0012', lat: 35.17055, status: 'in_transit' });
  expect([late?.isLate, late?.isStale, late?.isOffline]).toEqual([true, false, false]);
  expect(silent).toMatchObject({ heading_deg: null, deliveryId: null });
  expect([silent?.isLate, silent?.isStale, silent?.isOffline]).toEqual([false, true, true]);
});

test('late, stale and offline trucks are counted in trucks and clusters', () => {
  expect(troublesOf(fleetOf(TRUCKS))).toEqual({ late: 1, stale: 1, offline: 1 });
  expect(troublesOf(fleetOf(CLUSTERS))).toEqual({ late: 112, stale: 42, offline: 9 });
});

test.each([
  ['invalid JSON', '{'],
  ['no object', '[]'],
  ['an error of the gateway', '{"message":"Forbidden"}'],
  ['too short a row', JSON.stringify({ ...TRUCKS, trucks: [['T-1', 1, 2]] })],
  ['an invalid tile', JSON.stringify({ ...CLUSTERS, clusters: [['x', 1, 2, 3, 0, 0, 0]] })],
  ['no time', JSON.stringify({ ...TRUCKS, as_of: 'soon' })],
])('a frame with %s is not a fleet message', (_, frame) => {
  expect(fleetMessageOf(frame)).toBeNull();
});

test('an additional column is ignored', () => {
  const longer = TRUCKS.trucks.map((row) => [...row, 'new']);
  expect(fleetOf({ ...TRUCKS, trucks: longer }).trucks).toEqual(fleetOf(TRUCKS).trucks);
});

test('a request for a view contains only the filters that are set', () => {
  expect(JSON.parse(trackFleet(WHOLE_FLEET, 'v1'))).toEqual({
    action: 'track_fleet',
    view: 'v1',
    bbox: [-180, -90, 180, 90],
    zoom: 0,
  });
  const filter = { statuses: ['nearby', 'none'], troubles: ['late'], search: 'T-00' } as const;
  expect(JSON.parse(trackFleet({ ...WHOLE_FLEET, filter }, 'v2')).filter).toEqual({
    status: ['nearby', 'none'],
    late: true,
    search: 'T-00',
  });
  const bad = { statuses: [], troubles: [], search: 'a b' };
  expect(JSON.parse(trackFleet({ ...WHOLE_FLEET, filter: bad }, 'v3')).filter).toBeUndefined();
});

test('a search accepts only the beginning of a valid id', () => {
  for (const text of ['', 'T-00', 'a.b_c']) expect(isSearch(text)).toBe(true);
  for (const text of ['a b', '*', '가', 'x'.repeat(65)]) expect(isSearch(text)).toBe(false);
});

test.each([
  ['within the world', [128.9, 35, 129.3, 35.3], [128.9, 35, 129.3, 35.3]],
  ['one turn to the east', [488.9, 35, 489.3, 35.3], [128.9, 35, 129.3, 35.3]],
  ['two turns to the west', [-591.1, 35, -590.7, 35.3], [128.9, 35, 129.3, 35.3]],
  ['across the antimeridian', [170.5, -20, 189.5, 5], [170.5, -20, -170.5, 5]],
  ['up to the antimeridian', [170, -20, 180, 5], [170, -20, 180, 5]],
  ['larger than the world', [-250, -95, 200, 95], [-180, -90, 180, 90]],
])('the bounds of a map %s become a valid box', (_, bounds, box) => {
  expect(boxOf(...(bounds as [number, number, number, number]))).toEqual(box);
});

test('the box of a tile contains its trucks', () => {
  const [west, south, east, north] = boxOfTile('6/54/25');
  expect(west).toBeLessThan(128.99312);
  expect(east).toBeGreaterThan(128.99312);
  expect(south).toBeLessThan(35.21504);
  expect(north).toBeGreaterThan(35.21504);
  expect(boxOfTile('0/0/0')).toEqual([-180, -85.05113, 180, 85.05113]);
  expect(zoomOfTile('6/54/25')).toBe(7);
});

test('a box contains all trucks of a snapshot', () => {
  expect(boxAround(fleetOf(TRUCKS))).toEqual([129.06031, 35.15912, 129.133, 35.17055]);
  expect(boxAround(fleetOf({ ...TRUCKS, trucks: [] }))).toBeNull();
});

test('only the visible rows are drawn', () => {
  expect(windowOf(0, 640, 64, 400)).toEqual({ first: 0, end: 16 });
  expect(windowOf(12_800, 640, 64, 400)).toEqual({ first: 194, end: 216 });
  expect(windowOf(64 * 390, 640, 64, 400)).toEqual({ first: 384, end: 400 });
  expect(windowOf(9_999, 640, 64, 3)).toEqual({ first: 3, end: 3 });
  expect(windowOf(0, 640, 64, 0)).toEqual({ first: 0, end: 0 });
});

test.each([
  ['ArrowDown', 3, 4],
  ['ArrowDown', 9, 9],
  ['ArrowDown', -1, 0],
  ['ArrowUp', 0, 0],
  ['PageDown', 3, 8],
  ['PageUp', 3, 0],
  ['Home', 7, 0],
  ['End', 0, 9],
])('the key %s in row %i selects row %i', (key, row, expected) => {
  expect(rowAfter(key, row, 10, 5)).toBe(expected);
});

test('other keys, and keys in an empty list, select no row', () => {
  expect(rowAfter('a', 1, 10, 5)).toBeNull();
  expect(rowAfter('constructor', 1, 10, 5)).toBeNull();
  expect(rowAfter('Home', 0, 0, 5)).toBeNull();
});

test('a row is scrolled into view if it is not fully visible', () => {
  expect(scrollTo(0, 100, 640, 64)).toBe(0);
  expect(scrollTo(5, 0, 640, 64)).toBeNull();
  expect(scrollTo(10, 0, 640, 64)).toBe(64);
});

test('no text is missing in either language', () => {
  const isMissing = (value: unknown): boolean =>
    typeof value === 'object' && value !== null
      ? Object.values(value).some(isMissing)
      : value === '' || value === undefined;
  expect(isMissing(texts.en)).toBe(false);
  expect(isMissing(texts.ko)).toBe(false);
});
