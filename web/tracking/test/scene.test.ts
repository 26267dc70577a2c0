import type { Report, Status } from '@rtdts/client';
import { CLOSED_STATUSES, emptyView } from '@rtdts/client';
import { expect, test } from 'vitest';
import { sceneOf } from '../scene.js';

const STALE = {
  lat: 41.85,
  lon: -87.65,
  heading_deg: null,
  speed_mps: null,
  accuracy_m: null,
  recorded_at: '2026-11-24T07:50:00.000Z',
  age_s: 600,
  stale_since: '2026-11-24T07:52:00.000Z',
};

function report(status: Status): Report {
  return {
    delivery: { ...emptyView('D-1'), version: 4, status, assignment: 1, position: STALE },
    summary: null,
    connection: 'live',
    endReason: null,
    trueAsOfMs: null,
    positionMs: null,
    changes: { events: [], position: false },
  };
}

test('the marker of a stale position is grey while the delivery is open', () => {
  expect(sceneOf(report('nearby'), 'nearby').truck?.isStale).toBe(true);
});

test.each(CLOSED_STATUSES)('the marker of a %s delivery is not grey', (status) => {
  expect(sceneOf(report(status), status).truck?.isStale).toBe(false);
});
