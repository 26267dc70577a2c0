import { customerAccess, isClosed, type Report } from '@rtdts/client';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Point } from '../map/scene.js';
import type { Config } from '../shared/config.js';
import { follow } from '../shared/follow.js';
import { ageOf, distanceOf, speedOf, timeOf } from '../shared/format.js';
import type { Language } from '../shared/language.js';
import { Actions } from './actions.js';
import type { Pins } from './create_form.js';
import { type Delivery, latenessOf, type NamedPlace } from './delivery.js';
import { Badges } from './fleet_list.js';
import type { FleetTruck } from './fleet_messages.js';
import { placeText } from './plan.js';
import { type Replayed, ReplayPanel } from './replay_panel.js';
import type { Service } from './service.js';
import { causeText, statusText, type Texts } from './texts.js';

interface Props {
  readonly config: Config;
  readonly accessToken: string;
  readonly truck: FleetTruck;
  /** The age of its position, by the service's clock. */
  readonly age_s: number;
  readonly isInView: boolean;
  /** The view shows clusters instead of trucks. */
  readonly areClustered: boolean;
  readonly truckIds: readonly string[];
  readonly service: Service;
  readonly nowMs: number;
  readonly language: Language;
  readonly t: Texts;
  /** Shows the truck on the map; null without a map. */
  readonly onFind: ((at: Point) => void) | null;
  readonly pickTruck: ((onPick: (truckId: string) => void) => void) | null;
  readonly onPins: (pins: Pins | null) => void;
  readonly onReplay: (replayed: Replayed | null) => void;
  readonly onClose: () => void;
}

/** A truck's details from the last snapshot, and its delivery, tracked on a separate socket. */
export function TruckDetail(props: Props) {
  const { config, accessToken, truck, age_s, isInView, service, nowMs, language, t } = props;
  const { onPins, onReplay } = props;
  const heading = useRef<HTMLHeadingElement>(null);
  const [report, setReport] = useState<Report | null>(null);
  const [plan, setPlan] = useState<Delivery | null>(null);
  const { deliveryId } = truck;

  useEffect(() => heading.current?.focus(), []);

  useEffect(() => {
    setReport(null);
    setPlan(null);
    if (deliveryId === null) return undefined;
    const jwt = () => accessToken;
    const access = customerAccess({ serverUrl: config.server_url, deliveryId, jwt });
    return follow(config.websocket_url, access, setReport);
  }, [deliveryId, accessToken]);

  const delivery = report?.delivery ?? null;
  const version = delivery?.version ?? 0;
  useEffect(() => {
    let isCancelled = false;
    if (deliveryId === null) return undefined;
    void service.delivery(deliveryId).then((read) => {
      if (!isCancelled && 'value' in read) setPlan(read.value);
    });
    return () => {
      isCancelled = true;
    };
  }, [deliveryId, version, service]);
  useEffect(() => {
    onPins(plan && { origin: plan.origin, destination: plan.destination });
    return () => onPins(null);
  }, [plan]);
  const status = delivery?.status ?? null;
  const isOpen = status !== 'arrived' && !isClosed(status);
  const lateness = isOpen && plan ? latenessOf(plan.window, delivery?.eta ?? null, nowMs) : null;
  const time = (instant: string) => timeOf(instant, language, nowMs);
  const latest = latestPosition(truck, age_s, report, nowMs);
  const accuracy_m = delivery?.position?.accuracy_m ?? null;
  return (
    <section class="detail" aria-label={t.detail} data-truck={truck.truckId}>
      <h2 ref={heading} tabIndex={-1}>
        {truck.truckId}
      </h2>
      <p role="status" aria-live="polite">
        {statusText(delivery?.status ?? truck.status, t)}
        {deliveryId && ` · ${deliveryId}`} <Badges truck={truck} t={t} />
      </p>
      {!isInView && <p class="notice">{props.areClustered ? t.clustered : t.notInView}</p>}
      {lateness && plan?.window && (
        <p class="notice">{t.lateness[lateness](time(plan.window.end))}</p>
      )}
      <dl>
        {plan && (
          <>
            <dt>{t.customer}</dt>
            <dd>{plan.customerId}</dd>
            <dt>{t.field.origin}</dt>
            <dd>{nameOf(plan.origin)}</dd>
            <dt>{t.field.destination}</dt>
            <dd>{nameOf(plan.destination)}</dd>
          </>
        )}
        {plan?.window && (
          <>
            <dt>{t.windowLegend}</dt>
            <dd>{t.between(time(plan.window.start), time(plan.window.end))}</dd>
          </>
        )}
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
          {ageOf(latest.age_s, language, t)}, {placeText(latest)}
        </dd>
        {accuracy_m !== null && (
          <>
            <dt>{t.accuracy}</dt>
            <dd>± {distanceOf(Math.max(10, accuracy_m), language)}</dd>
          </>
        )}
        {latest.speed_mps !== null && (
          <>
            <dt>{t.speed}</dt>
            <dd>{speedOf(latest.speed_mps, language)}</dd>
          </>
        )}
      </dl>
      {report?.connection === 'ended' && <p class="notice">{t.trackingEnded}</p>}
      {delivery && delivery.events.length > 0 && (
        <>
          <h3>{t.timeline}</h3>
          <ol class="timeline">
            {delivery.events.toReversed().map(({ version, status, cause, effective_at }) => (
              <li key={version} data-status={status}>
                <span>
                  {statusText(status, t)} <span class="muted">{causeText(cause, t)}</span>
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
      <ReplayPanel
        key={`${truck.truckId} ${plan === null}`}
        truckId={truck.truckId}
        assignedMs={plan && plan.truckId === truck.truckId ? plan.assignedMs : null}
        service={service}
        nowMs={nowMs}
        language={language}
        t={t}
        onReplay={onReplay}
      />
      <p class="buttons">
        {props.onFind && (
          <button type="button" onClick={() => props.onFind?.(latest)}>
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

interface LatestPosition extends Point {
  readonly speed_mps: number | null;
  readonly age_s: number;
}

/**
 * Returns the newer of two positions: that of the fleet's snapshot, and that of the delivery's
 * socket. If the view has only clusters, the snapshot's is old.
 */
function latestPosition(
  truck: FleetTruck,
  age_s: number,
  report: Report | null,
  nowMs: number,
): LatestPosition {
  const position = report?.delivery?.position;
  if (position && report.positionMs !== null) {
    const socketAge_s = Math.max(0, (nowMs - report.positionMs) / 1000);
    if (socketAge_s < age_s) return { ...position, age_s: socketAge_s };
  }
  return { ...truck, age_s };
}

function nameOf({ name, lat, lon }: NamedPlace): string {
  return name ?? placeText({ lat, lon });
}
