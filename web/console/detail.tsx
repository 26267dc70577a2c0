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
import { causeWord, statusWord, type Texts } from './texts.js';

interface Props {
  readonly config: Config;
  readonly accessToken: string;
  readonly truck: FleetTruck;
  /** Of its position, by the service's clock. */
  readonly age_s: number;
  readonly isInView: boolean;
  /** The view shows clusters instead of trucks. */
  readonly areClustered: boolean;
  readonly truckIds: readonly string[];
  readonly service: Service;
  readonly nowMs: number;
  readonly language: Language;
  readonly t: Texts;
  /** Shows it on the map; null without one. */
  readonly onFind: ((at: Point) => void) | null;
  readonly pickTruck: ((onPick: (truckId: string) => void) => void) | null;
  readonly onPins: (pins: Pins | null) => void;
  readonly onReplay: (replayed: Replayed | null) => void;
  readonly onClose: () => void;
}

/** A truck as the last snapshot showed it, and its current delivery, followed on its own socket. */
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
    let isWanted = true;
    if (deliveryId === null) return undefined;
    void service.delivery(deliveryId).then((read) => {
      if (isWanted && 'value' in read) setPlan(read.value);
    });
    return () => {
      isWanted = false;
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
  const seen = newestOf(truck, age_s, report, nowMs);
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
      {!isInView && <p class="notice">{props.areClustered ? t.clustered : t.gone}</p>}
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
          {ageOf(seen.age_s, language, t)}, {placeText(seen)}
        </dd>
        {accuracy_m !== null && (
          <>
            <dt>{t.accuracy}</dt>
            <dd>± {distanceOf(Math.max(10, accuracy_m), language)}</dd>
          </>
        )}
        {seen.speed_mps !== null && (
          <>
            <dt>{t.speed}</dt>
            <dd>{speedOf(seen.speed_mps, language)}</dd>
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
          <button type="button" onClick={() => props.onFind?.(seen)}>
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

interface Seen extends Point {
  readonly speed_mps: number | null;
  readonly age_s: number;
}

/** The fleet's snapshot shows it, or its delivery's socket if the snapshot has only clusters. */
function newestOf(truck: FleetTruck, age_s: number, report: Report | null, nowMs: number): Seen {
  const position = report?.delivery?.position;
  if (position && report.positionMs !== null) {
    const followed_s = Math.max(0, (nowMs - report.positionMs) / 1000);
    if (followed_s < age_s) return { ...position, age_s: followed_s };
  }
  return { ...truck, age_s };
}

function nameOf({ name, lat, lon }: NamedPlace): string {
  return name ?? placeText({ lat, lon });
}
