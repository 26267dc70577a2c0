import { isClosed, type Report, type Status } from '@rtdts/client';
import type { Scene } from '../map/scene.js';

/** Returns what the map shows for a report. */
export function sceneOf(report: Report, status: Status | null): Scene {
  const { delivery, summary } = report;
  const position = delivery?.position ?? null;
  return {
    truck: position && {
      lat: position.lat,
      lon: position.lon,
      heading_deg: position.heading_deg,
      accuracy_m: position.accuracy_m,
      isStale: position.stale_since !== null && !isClosed(status),
    },
    track: (delivery?.track ?? []).map(([lat, lon]) => ({ lat, lon })),
    origin: summary?.origin ?? null,
    destination: summary?.destination ?? null,
  };
}
