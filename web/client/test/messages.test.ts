import { expect, test } from 'vitest';
import { parseMessage } from '../src/messages.js';

const POSITION = {
  v: 1,
  type: 'position',
  sent_at: '2026-11-24T07:11:00.050Z',
  delivery_id: 'D-1',
  status: 'in_transit',
  version: 3,
  assignment: 1,
  position_at: null,
  position: null,
  distance_remaining_m: null,
  eta: null,
};

test('a valid message is parsed', () => {
  expect(parseMessage(JSON.stringify(POSITION))).toEqual(POSITION);
});

test.each([
  'not JSON',
  'null',
  '[]',
  '"text"',
  '{}',
  '{"message":"Internal server error"}',
  '{"type":"a_later_type"}',
  JSON.stringify({ ...POSITION, version: '3' }),
  JSON.stringify({ ...POSITION, sent_at: 'yesterday' }),
  JSON.stringify({ ...POSITION, position: { lat: 1, lon: 2 }, position_at: POSITION.sent_at }),
  JSON.stringify({ ...POSITION, eta: { earliest: 'soon' } }),
  JSON.stringify({ ...POSITION, stops_before: 'many' }),
  JSON.stringify({ ...POSITION, type: 'snapshot', events: [], track: [['a', 'b', 'c']] }),
])('an invalid frame is ignored: %s', (frame) => {
  expect(parseMessage(frame)).toBeNull();
});
