import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Point } from '../map/scene.js';
import type { Config } from '../shared/config.js';
import { ageOf } from '../shared/format.js';
import { useNowMs } from '../shared/hooks.js';
import type { Language } from '../shared/language.js';
import { AlertPanel } from './alert_panel.js';
import { totalOf } from './alerts.js';
import { CreateForm, type Picker, type Pins } from './create_form.js';
import { TruckDetail } from './detail.js';
import { FilterBar } from './filter_bar.js';
import { FleetClient } from './fleet_client.js';
import { FleetList } from './fleet_list.js';
import type { FleetMap, Picking } from './fleet_map.js';
import { FleetMapPanel } from './fleet_map_panel.js';
import type { Box, FleetTruck } from './fleet_messages.js';
import type { FleetReport } from './fleet_session.js';
import {
  boxAround,
  boxNear,
  boxOfTile,
  NEAR_ZOOM,
  NO_FILTER,
  TROUBLES,
  troublesOf,
  type View,
  WHOLE_FLEET,
  WHOLE_WORLD,
  zoomOfTile,
} from './fleet_view.js';
import type { Replayed } from './replay_panel.js';
import { Service } from './service.js';
import type { Session } from './sign_in_flow.js';
import type { Texts } from './texts.js';
import { useAlerts } from './use_alerts.js';

/** Measured by the service's clock up to the snapshot, and by this device's clock since then. */
function positionAge_s(report: FleetReport | null, truck: FleetTruck, nowMs: number): number {
  const clockOffsetMs =
    report?.fleet && report.fleetMs !== null ? report.fleet.asOfMs - report.fleetMs : 0;
  return Math.max(0, (nowMs + clockOffsetMs - truck.atMs) / 1000);
}

interface Props {
  readonly config: Config;
  readonly session: Session;
  readonly language: Language;
  readonly t: Texts;
  readonly onAlerts: (count: number) => void;
  readonly onSignedOut: () => void;
}

/** The live fleet: filter, list and map of the same view, and the details of the chosen truck. */
export function FleetView({ config, session, language, t, onAlerts, onSignedOut }: Props) {
  const [report, setReport] = useState<FleetReport | null>(null);
  const [view, setView] = useState<View>(WHOLE_FLEET);
  const [chosen, setChosen] = useState<string | null>(null);
  const [lastSeen, setLastSeen] = useState<FleetTruck | null>(null);
  const [isCreating, setIsCreating] = useState(false);
  const [created, setCreated] = useState<string | null>(null);
  const [pins, setPins] = useState<Pins | null>(null);
  const [replayed, setReplayed] = useState<Replayed | null>(null);
  const [hasMap, setHasMap] = useState(false);
  const [picking, setPicking] = useState<Picking>(null);
  const pickHandlers = useRef<{ place?: (point: Point) => void; truck?: (id: string) => void }>({});
  const client = useRef<FleetClient | null>(null);
  const map = useRef<FleetMap | null>(null);
  const list = useRef<HTMLElement>(null);
  // What the map frames next: the whole fleet at start, the filtered trucks after the button.
  const nextFrame = useRef<'whole_fleet' | 'filtered' | null>('whole_fleet');
  const nowMs = useNowMs();
  const service = useMemo(() => new Service(config.server_url, session.accessToken), [session]);
  const fleet = report?.fleet ?? null;
  const alerts = useAlerts(config.websocket_url, service);
  const alertCount = totalOf(alerts);
  useEffect(() => onAlerts(alertCount), [alertCount]);

  useEffect(() => {
    const fleetClient = new FleetClient({
      webSocketUrl: config.websocket_url,
      service,
      view,
      onReport: setReport,
    });
    client.current = fleetClient;
    fleetClient.start();
    return () => fleetClient.stop();
  }, [service]);

  useEffect(() => client.current?.show(view), [view]);

  useEffect(() => {
    if (report?.connection === 'signed_out') onSignedOut();
  }, [report?.connection]);

  useEffect(() => {
    const found = fleet?.trucks.find(({ truckId }) => truckId === chosen);
    if (found) setLastSeen(found);
  }, [fleet, chosen]);

  /** Moves the map once to the trucks of the current snapshot, if that is pending. */
  const frameTrucks = () => {
    const box = report?.isCurrent && fleet && boxAround(fleet);
    if (!nextFrame.current || !map.current || !box) return;
    if (nextFrame.current === 'whole_fleet' && view.filter !== NO_FILTER) return;
    nextFrame.current = null;
    map.current.goTo(box);
  };
  useEffect(frameTrucks, [report]);

  const showBox = (bbox: Box, zoom: number) => setView((before) => ({ ...before, bbox, zoom }));
  const open = (truck: FleetTruck) => {
    setIsCreating(false);
    setPicking(null);
    setChosen(truck.truckId);
    setLastSeen(truck);
  };
  const choose = (truckId: string) => {
    if (picking === 'truck') {
      pickHandlers.current.truck?.(truckId);
      setPicking(null);
      return;
    }
    const truck = fleet?.trucks.find((one) => one.truckId === truckId);
    if (truck) open(truck);
  };
  const onPlace = (point: Point) => {
    pickHandlers.current.place?.(point);
    setPicking(null);
  };
  const goToAlert = (truck: FleetTruck) => {
    open(truck);
    if (map.current) map.current.goToPoint(truck);
    else showBox(boxNear(truck), NEAR_ZOOM);
  };
  const picker: Picker | null = hasMap
    ? {
        place(onPick) {
          pickHandlers.current.place = onPick;
          setPicking('place');
        },
        truck(onPick) {
          pickHandlers.current.truck = onPick;
          setPicking('truck');
        },
      }
    : null;
  const create = () => {
    setChosen(null);
    setCreated(null);
    setIsCreating(true);
  };
  const endCreating = () => {
    setIsCreating(false);
    setPicking(null);
    setPins(null);
  };
  const zoomInto = (tile: string) => {
    const box = boxOfTile(tile);
    if (map.current) map.current.goTo(box);
    else showBox(box, zoomOfTile(tile));
  };
  const showAll = () => {
    nextFrame.current = 'filtered';
    showBox(WHOLE_WORLD, 0);
  };
  const onMapMoved = (bbox: Box, zoom: number) => {
    nextFrame.current = null;
    showBox(bbox, zoom);
  };
  const close = () => {
    setChosen(null);
    setPicking(null);
    list.current?.querySelector<HTMLElement>('.rows')?.focus();
  };

  if (report?.connection === 'forbidden') return <p role="alert">{t.forbidden}</p>;
  const connection = report?.connection ?? 'connecting';
  const age_s = report?.fleetMs == null ? null : Math.max(0, (nowMs - report.fleetMs) / 1000);
  const troubles = fleet && troublesOf(fleet);
  const truckIds = fleet?.trucks.map(({ truckId }) => truckId) ?? [];
  return (
    <div class="fleet" data-connection={connection} data-current={report?.isCurrent ?? false}>
      <section class="side" ref={list}>
        <div class="summary">
          <p role="status" aria-live="polite" class="headline">
            {fleet ? t.trucks(fleet.total) : t.loading}
          </p>
          <p role="status" aria-live="polite" class="troubles">
            {troubles &&
              TROUBLES.map((trouble) => (
                <span key={trouble} class={troubles[trouble] > 0 ? `badge ${trouble}` : 'muted'}>
                  {t.troubleCount[trouble](troubles[trouble])}
                </span>
              ))}
          </p>
          <p role="status" aria-live="polite" class={connection === 'offline' ? 'notice' : 'muted'}>
            {connection === 'signed_out' ? t.sessionEnded : t.connection[connection]}
          </p>
          {connection !== 'live' && age_s !== null && (
            <p class="muted">{t.asOf(ageOf(age_s, language, t))}</p>
          )}
        </div>
        <FilterBar
          filter={view.filter}
          onFilter={(filter) => setView((before) => ({ ...before, filter }))}
          t={t}
        />
        <p class="buttons">
          <button type="button" onClick={showAll}>
            {t.wholeFleet}
          </button>
          <button type="button" onClick={create}>
            {t.newDelivery}
          </button>
        </p>
        <p role="status" aria-live="polite">
          {created && t.created(created)}
        </p>
        <AlertPanel alerts={alerts} nowMs={nowMs} language={language} t={t} onTruck={goToAlert} />
        {fleet && (
          <FleetList
            fleet={fleet}
            fleetMs={report?.fleetMs ?? nowMs}
            nowMs={nowMs}
            chosen={chosen}
            onTruck={choose}
            onCluster={zoomInto}
            language={language}
            t={t}
          />
        )}
      </section>
      {isCreating && (
        <CreateForm
          truckId=""
          truckIds={truckIds}
          service={service}
          t={t}
          picker={picker}
          onPins={setPins}
          onCreated={(deliveryId) => {
            endCreating();
            setCreated(deliveryId);
          }}
          onClose={endCreating}
        />
      )}
      {chosen && lastSeen && (
        <TruckDetail
          key={chosen}
          config={config}
          accessToken={session.accessToken}
          truck={lastSeen}
          age_s={positionAge_s(report, lastSeen, nowMs)}
          isInView={truckIds.includes(chosen)}
          areClustered={(fleet?.clusters.length ?? 0) > 0}
          truckIds={truckIds}
          service={service}
          nowMs={nowMs}
          language={language}
          t={t}
          onFind={hasMap ? (at) => map.current?.goToPoint(at) : null}
          pickTruck={picker?.truck ?? null}
          onPins={setPins}
          onReplay={setReplayed}
          onClose={close}
        />
      )}
      {config.map && (
        <FleetMapPanel
          config={config.map}
          fleet={fleet}
          chosen={chosen}
          map={map}
          onReady={() => {
            setHasMap(true);
            frameTrucks();
          }}
          onView={onMapMoved}
          onTruck={choose}
          onCluster={zoomInto}
          pins={pins}
          replayed={replayed}
          picking={picking}
          onPlace={onPlace}
          onPickEnd={() => setPicking(null)}
          t={t}
        />
      )}
    </div>
  );
}
