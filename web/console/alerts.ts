/**
 * Alerts for the whole fleet: trucks that are late, stale or offline, and deliveries that have
 * arrived but are not closed. One connection requests one kind after another, each as a view.
 */

import type { FleetTruck } from './fleet_messages.js';
import type { FleetReport } from './fleet_session.js';
import { FILTER_STATUSES, type Filter, NO_FILTER, type View, WHOLE_FLEET } from './fleet_view.js';

export type AlertKind = 'late' | 'offline' | 'stale' | 'arrived';
export const ALERT_KINDS: readonly AlertKind[] = ['late', 'offline', 'stale', 'arrived'];

/** The time before the next kind is requested, in ms. It respects the service's limit of views. */
export const KIND_INTERVAL_MS = 4_000;

/** Alert if a delivery is not closed this long after its arrival, in ms. */
export const ALERT_AFTER_MS = 10 * 60_000;

/** The most deliveries to read in one pass, to get their arrival times. */
const MAX_READS = 5;

// A truck without a delivery is often parked and switched off.
const UNDER_WAY = FILTER_STATUSES.filter((status) => status !== 'none');
const FILTERS: Record<AlertKind, Filter> = {
  late: { ...NO_FILTER, troubles: ['late'] },
  offline: { ...NO_FILTER, statuses: UNDER_WAY, troubles: ['offline'] },
  stale: { ...NO_FILTER, statuses: UNDER_WAY, troubles: ['stale'], without: ['offline'] },
  arrived: { ...NO_FILTER, statuses: ['arrived'] },
};

export function alertView(kind: AlertKind): View {
  return { ...WHOLE_FLEET, filter: FILTERS[kind] };
}

export interface Alert {
  readonly kind: AlertKind;
  readonly truck: FleetTruck;
  /** When the delivery arrived, in epoch ms; null for the other kinds. */
  readonly sinceMs: number | null;
}

export interface Alerts {
  readonly alerts: readonly Alert[];
  /**
   * The number of alerts of each kind. Except for `arrived`, it includes trucks in clusters, which
   * `alerts` does not.
   */
  readonly counts: Readonly<Record<AlertKind, number>>;
  /** The alerts that are new. */
  readonly added: readonly Alert[];
}

export const NO_ALERTS: Alerts = {
  alerts: [],
  counts: { late: 0, offline: 0, stale: 0, arrived: 0 },
  added: [],
};

/** Collects the alerts from the snapshots of one kind after another. */
export class AlertWatch {
  readonly #snapshots = new Map<AlertKind, { trucks: readonly FleetTruck[]; total: number }>();
  /** The arrival times of deliveries that are not closed, in epoch ms; null if not yet known. */
  readonly #arrivedMs = new Map<string, number | null>();
  #known = new Set<string>();
  #kind: AlertKind = 'late';

  /** The kind of the current view. */
  get kind(): AlertKind {
    return this.#kind;
  }

  /** Applies a snapshot; returns false if it is not one of the current view. */
  update({ fleet, isCurrent }: FleetReport): boolean {
    if (!isCurrent || fleet === null) return false;
    this.#snapshots.set(this.#kind, { trucks: fleet.trucks, total: fleet.total });
    if (this.#kind === 'arrived' && fleet.clusters.length === 0) {
      const arrived = new Set(fleet.trucks.map(({ deliveryId }) => deliveryId));
      for (const id of this.#arrivedMs.keys()) if (!arrived.has(id)) this.#arrivedMs.delete(id);
      for (const id of arrived) {
        if (id !== null && !this.#arrivedMs.has(id)) this.#arrivedMs.set(id, null);
      }
    }
    return true;
  }

  /** Advances to the next kind and returns its view. */
  nextView(): View {
    const next = (ALERT_KINDS.indexOf(this.#kind) + 1) % ALERT_KINDS.length;
    this.#kind = ALERT_KINDS[next] ?? 'late';
    return alertView(this.#kind);
  }

  /** Deliveries whose arrival times must be read, limited to one pass. */
  get unknownArrivals(): readonly string[] {
    const unknown = [...this.#arrivedMs].filter(([, sinceMs]) => sinceMs === null);
    return unknown.slice(0, MAX_READS).map(([id]) => id);
  }

  /** Sets a delivery's arrival time, in epoch ms. */
  setArrival(deliveryId: string, sinceMs: number): void {
    if (this.#arrivedMs.has(deliveryId)) this.#arrivedMs.set(deliveryId, sinceMs);
  }

  /** Returns the current alerts; `added` are the new ones since the last call. */
  current(nowMs: number): Alerts {
    const counts = { ...NO_ALERTS.counts };
    const alerts: Alert[] = [];
    for (const kind of ALERT_KINDS) {
      const { trucks, total } = this.#snapshots.get(kind) ?? { trucks: [], total: 0 };
      const found = trucks
        .map((truck) => ({ kind, truck, sinceMs: this.#sinceMs(kind, truck) }))
        .filter(({ sinceMs }) => kind !== 'arrived' || isOverdue(sinceMs, nowMs));
      alerts.push(...found);
      // Only listed arrivals are counted, because clusters have no arrival times.
      counts[kind] = kind === 'arrived' ? found.length : Math.max(total, found.length);
    }
    const added = alerts.filter((alert) => !this.#known.has(keyOf(alert)));
    this.#known = new Set(alerts.map(keyOf));
    return { alerts, counts, added };
  }

  #sinceMs(kind: AlertKind, { deliveryId }: FleetTruck): number | null {
    if (kind !== 'arrived' || deliveryId === null) return null;
    return this.#arrivedMs.get(deliveryId) ?? null;
  }
}

/** The number of alerts of all kinds. */
export function totalOf({ counts }: Alerts): number {
  return ALERT_KINDS.reduce((sum, kind) => sum + counts[kind], 0);
}

export function keyOf({ kind, truck }: Alert): string {
  return `${kind} ${truck.truckId} ${truck.deliveryId}`;
}

function isOverdue(sinceMs: number | null, nowMs: number): boolean {
  return sinceMs !== null && nowMs - sinceMs >= ALERT_AFTER_MS;
}
