import { ageOf } from '../shared/format.js';
import type { Language } from '../shared/language.js';
import { ALERT_KINDS, type Alert, type Alerts, keyOf, totalOf } from './alerts.js';
import type { FleetTruck } from './fleet_messages.js';
import type { Texts } from './texts.js';

/** The most alerts of a kind that are listed; of the others only the number is shown. */
const MAX_LISTED = 20;

interface Props {
  readonly alerts: Alerts;
  readonly nowMs: number;
  readonly language: Language;
  readonly t: Texts;
  readonly onTruck: (truck: FleetTruck) => void;
}

/** The alerts of the whole fleet. Screen readers announce new ones. */
export function AlertPanel({ alerts, nowMs, language, t, onTruck }: Props) {
  const total = totalOf(alerts);
  const newest = alerts.added.at(-1);
  return (
    <>
      <details class="alerts" data-alerts={total}>
        <summary>{t.alerts(total)}</summary>
        {ALERT_KINDS.filter((kind) => alerts.counts[kind] > 0).map((kind) => {
          const listed = alerts.alerts.filter((alert) => alert.kind === kind).slice(0, MAX_LISTED);
          const others = alerts.counts[kind] - listed.length;
          return (
            <section key={kind} aria-label={t.alert[kind]}>
              <h2>{t.alert[kind]}</h2>
              <ul>
                {listed.map((alert) => (
                  <li key={keyOf(alert)}>
                    <button type="button" onClick={() => onTruck(alert.truck)}>
                      {titleOf(alert)}
                      {alert.sinceMs !== null &&
                        ` · ${ageOf((nowMs - alert.sinceMs) / 1000, language, t)}`}
                    </button>
                  </li>
                ))}
              </ul>
              {others > 0 && <p class="muted">{t.moreAlerts(others)}</p>}
            </section>
          );
        })}
      </details>
      <p role="status" aria-live="polite" class="newest">
        {newest && `${t.alert[newest.kind]}: ${titleOf(newest)}`}
      </p>
    </>
  );
}

function titleOf({ truck }: Alert): string {
  return truck.deliveryId === null ? truck.truckId : `${truck.truckId} · ${truck.deliveryId}`;
}
