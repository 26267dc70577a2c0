/**
 * What of the whole fleet needs a dispatcher, wherever the map is: late, stale, offline, and arrived
 * but not closed. One connection looks at one kind after the other, each as a view of its own.
 */

import type { FleetTruck } from './fleet_messages.js';
import type { FleetReport } from './fleet_session.js';
import { FILTER_STATUSES, type Filter, NO_FILTER, type View, WHOLE_FLEET } from './fleet_view.js';

export type AlertKind = 'late' | 'offline' | 'stale' | 'arrived';
export const ALERT_KINDS: readonly AlertKind[] = ['late', 'offline', 'stale', 'arrived'];

/** How long one kind is looked at, in ms: fewer views than the service takes. */
export const LOOK_MS = 4_000;

/** A delivery that has arrived is closed within this, in ms. */
export const CLOSED_WITHIN_MS = 10 * 60_000;

/** How many deliveries are read for the time of their arrival, each time around. */
const READ_AT_ONCE = 5;

// A truck without a delivery may well be parked and off.
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
  /** Since when it has arrived, epoch ms; of the other kinds null. */
  readonly sinceMs: number | null;
}

export interface Alerts {
  readonly alerts: readonly Alert[];
  /** How many of each kind; more than there are alerts when they are too many to name. */
  readonly counts: Readonly<Record<AlertKind, number>>;
  /** Those that were not there before. */
  readonly added: readonly Alert[];
}

export const NO_ALERTS: Alerts = {
  alerts: [],
  counts: { late: 0, offline: 0, stale: 0, arrived: 0 },
  added: [],
};

/** Collects the alerts from snapshots of one kind after the other. */
export class AlertWatch {
  readonly #found = new Map<AlertKind, { trucks: readonly FleetTruck[]; total: number }>();
  /** Of deliveries that have arrived: since when, epoch ms; null: not known yet. */
  readonly #arrivedMs = new Map<string, number | null>();
  #known = new Set<string>();
  #kind: AlertKind = 'late';

  /** What is looked at now. */
  get kind(): AlertKind {
    return this.#kind;
  }

  /** Takes a snapshot of what is looked at; false when it is none. */
  update({ fleet, isCurrent }: FleetReport): boolean {
    if (!isCurrent || fleet === null) return false;
    this.#found.set(this.#kind, { trucks: fleet.trucks, total: fleet.total });
    if (this.#kind === 'arrived' && fleet.clusters.length === 0) {
      const there = new Set(fleet.trucks.map(({ deliveryId }) => deliveryId));
      for (const id of this.#arrivedMs.keys()) if (!there.has(id)) this.#arrivedMs.delete(id);
      for (const id of there) {
        if (id !== null && !this.#arrivedMs.has(id)) this.#arrivedMs.set(id, null);
      }
    }
    return true;
  }

  /** Turns to the next kind; its view. */
  turn(): View {
    const next = (ALERT_KINDS.indexOf(this.#kind) + 1) % ALERT_KINDS.length;
    this.#kind = ALERT_KINDS[next] ?? 'late';
    return alertView(this.#kind);
  }

  /** Deliveries of which it must be read since when they have arrived. */
  get toRead(): readonly string[] {
    const unknown = [...this.#arrivedMs].filter(([, sinceMs]) => sinceMs === null);
    return unknown.slice(0, READ_AT_ONCE).map(([id]) => id);
  }

  /** Since when a delivery has arrived. */
  arrivedSince(deliveryId: string, sinceMs: number): void {
    if (this.#arrivedMs.has(deliveryId)) this.#arrivedMs.set(deliveryId, sinceMs);
  }

  /** The alerts now; `added` are those since the last call. */
  now(nowMs: number): Alerts {
    const counts = { ...NO_ALERTS.counts };
    const alerts: Alert[] = [];
    for (const kind of ALERT_KINDS) {
      const { trucks, total } = this.#found.get(kind) ?? { trucks: [], total: 0 };
      const found = trucks
        .map((truck) => ({ kind, truck, sinceMs: this.#sinceMs(kind, truck) }))
        .filter(({ sinceMs }) => kind !== 'arrived' || isTooLong(sinceMs, nowMs));
      alerts.push(...found);
      // The arrived are counted by name: a cluster does not say since when.
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

/** How many there are, of all kinds. */
export function totalOf({ counts }: Alerts): number {
  return ALERT_KINDS.reduce((sum, kind) => sum + counts[kind], 0);
}

export function keyOf({ kind, truck }: Alert): string {
  return `${kind} ${truck.truckId} ${truck.deliveryId}`;
}

function isTooLong(sinceMs: number | null, nowMs: number): boolean {
  return sinceMs !== null && nowMs - sinceMs >= CLOSED_WITHIN_MS;
}
