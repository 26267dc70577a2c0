import { customerAccess, type Report } from '@rtdts/client';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Config } from '../shared/config.js';
import { follow } from '../shared/follow.js';
import { ageOf, distanceOf, timeOf } from '../shared/format.js';
import type { Language } from '../shared/language.js';
import { Actions } from './actions.js';
import { Badges } from './fleet_list.js';
import type { FleetTruck } from './fleet_messages.js';
import type { Service } from './service.js';
import { causeWord, statusWord, type Texts } from './texts.js';

interface Props {
  readonly config: Config;
  readonly accessToken: string;
  readonly truck: FleetTruck;
  /** Of its position, by the service's clock. */
  readonly age_s: number;
  readonly isInView: boolean;
  readonly truckIds: readonly string[];
  readonly service: Service;
  readonly nowMs: number;
  readonly language: Language;
  readonly t: Texts;
  /** Shows it on the map; null without one. */
  readonly onFind: (() => void) | null;
  readonly onClose: () => void;
}

/** A truck as the last picture showed it, and its current delivery, followed on its own socket. */
export function TruckDetail(props: Props) {
  const { config, accessToken, truck, age_s, isInView, nowMs, language, t } = props;
  const heading = useRef<HTMLHeadingElement>(null);
  const [report, setReport] = useState<Report | null>(null);
  const { deliveryId } = truck;

  useEffect(() => heading.current?.focus(), []);

  useEffect(() => {
    setReport(null);
    if (deliveryId === null) return undefined;
    const jwt = () => accessToken;
    const access = customerAccess({ serverUrl: config.server_url, deliveryId, jwt });
    return follow(config.websocket_url, access, setReport);
  }, [deliveryId, accessToken]);

  const delivery = report?.delivery ?? null;
  const time = (instant: string) => timeOf(instant, language, nowMs);
  const accuracy_m = delivery?.position?.accuracy_m ?? null;
  return (
    <section class="detail" aria-label={t.detail} data-truck={truck.truckId}>
      <h2 ref={heading} tabIndex={-1}>
        {truck.truckId}
      </h2>
      <p role="status" aria-live="polite">
        {statusWord(delivery?.status ?? truck.status, t)}
        {deliveryId && ` · ${deliveryId}`} <Badges truck={truck} t={t} />
      </p>
      {!isInView && <p class="notice">{t.gone}</p>}
      <dl>
        {delivery?.eta && (
          <>
            <dt>{t.eta}</dt>
            <dd>{t.between(time(delivery.eta.earliest), time(delivery.eta.latest))}</dd>
          </>
        )}
        {delivery?.distance_remaining_m != null && (
          <>
            <dt>{t.remaining}</dt>
            <dd>{distanceOf(delivery.distance_remaining_m, language)}</dd>
          </>
        )}
        <dt>{t.lastPosition}</dt>
        <dd>
          {ageOf(age_s, language, t)}, {truck.lat.toFixed(5)}, {truck.lon.toFixed(5)}
        </dd>
        {accuracy_m !== null && (
          <>
            <dt>{t.accuracy}</dt>
            <dd>± {distanceOf(Math.max(10, accuracy_m), language)}</dd>
          </>
        )}
        {truck.speed_mps !== null && (
          <>
            <dt>{t.speed}</dt>
            <dd>{speedOf(truck.speed_mps, language)}</dd>
          </>
        )}
      </dl>
      {report?.connection === 'ended' && <p class="notice">{t.deliveryOver}</p>}
      {delivery && delivery.events.length > 0 && (
        <>
          <h3>{t.timeline}</h3>
          <ol class="timeline">
            {delivery.events.toReversed().map(({ version, status, cause, effective_at }) => (
              <li key={version} data-status={status}>
                <span>
                  {statusWord(status, t)} <span class="muted">{causeWord(cause, t)}</span>
                </span>
                <time dateTime={effective_at}>{time(effective_at)}</time>
              </li>
            ))}
          </ol>
        </>
      )}
      {deliveryId && (
        <Actions key={deliveryId} deliveryId={deliveryId} truckId={truck.truckId} {...props} />
      )}
      <p class="buttons">
        {props.onFind && (
          <button type="button" onClick={props.onFind}>
            {t.findTruck}
          </button>
        )}
        <button type="button" onClick={props.onClose}>
          {t.close}
        </button>
      </p>
    </section>
  );
}

function speedOf(speed_mps: number, language: Language): string {
  return new Intl.NumberFormat(language, {
    style: 'unit',
    unit: 'kilometer-per-hour',
    maximumFractionDigits: 0,
  }).format(speed_mps * 3.6);
}
