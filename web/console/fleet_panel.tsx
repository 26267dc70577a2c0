import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Config } from '../shared/config.js';
import { ageOf } from '../shared/format.js';
import { useNowMs } from '../shared/hooks.js';
import type { Language } from '../shared/language.js';
import { TruckDetail } from './detail.js';
import { FilterBar } from './filter_bar.js';
import { FleetClient } from './fleet_client.js';
import { FleetList } from './fleet_list.js';
import type { FleetMap } from './fleet_map.js';
import { FleetMapPanel } from './fleet_map_panel.js';
import type { Box, FleetTruck } from './fleet_messages.js';
import type { Picture } from './fleet_session.js';
import {
  boxAround,
  boxOfTile,
  TROUBLES,
  troublesOf,
  type View,
  WHOLE_FLEET,
  WHOLE_WORLD,
  zoomOfTile,
} from './fleet_view.js';
import { Service } from './service.js';
import type { Session } from './sign_in_flow.js';
import type { Texts } from './texts.js';

/** By the service's clock until the picture came, by this device's since. */
function positionAge_s(picture: Picture | null, truck: FleetTruck, nowMs: number): number {
  const clockOffsetMs =
    picture?.fleet && picture.fleetMs !== null ? picture.fleet.asOfMs - picture.fleetMs : 0;
  return Math.max(0, (nowMs + clockOffsetMs - truck.atMs) / 1000);
}

interface Props {
  readonly config: Config;
  readonly session: Session;
  readonly language: Language;
  readonly t: Texts;
  readonly onSignedOut: () => void;
}

/** The fleet, live: filter, list and map of the same view, and the details of the chosen truck. */
export function FleetView({ config, session, language, t, onSignedOut }: Props) {
  const [picture, setPicture] = useState<Picture | null>(null);
  const [view, setView] = useState<View>(WHOLE_FLEET);
  const [chosen, setChosen] = useState<string | null>(null);
  const [lastSeen, setLastSeen] = useState<FleetTruck | null>(null);
  const client = useRef<FleetClient | null>(null);
  const map = useRef<FleetMap | null>(null);
  const list = useRef<HTMLElement>(null);
  const wantsAll = useRef(true);
  const nowMs = useNowMs();
  const service = useMemo(() => new Service(config.server_url, session.accessToken), [session]);
  const fleet = picture?.fleet ?? null;

  useEffect(() => {
    const made = new FleetClient({
      webSocketUrl: config.websocket_url,
      service,
      view,
      onPicture: setPicture,
    });
    client.current = made;
    made.start();
    return () => made.stop();
  }, [service]);

  useEffect(() => client.current?.show(view), [view]);

  useEffect(() => {
    if (picture?.connection === 'signed_out') onSignedOut();
  }, [picture?.connection]);

  useEffect(() => {
    const found = fleet?.trucks.find(({ truckId }) => truckId === chosen);
    if (found) setLastSeen(found);
  }, [fleet, chosen]);

  /** Frames the whole fleet on the map, once, when a picture of it is there. */
  const frame = () => {
    const box = picture?.isCurrent && fleet && boxAround(fleet);
    if (!wantsAll.current || !map.current || !box) return;
    wantsAll.current = false;
    map.current.goTo(box);
  };
  useEffect(frame, [picture]);

  const look = (bbox: Box, zoom: number) => setView((before) => ({ ...before, bbox, zoom }));
  const choose = (truckId: string) => {
    setChosen(truckId);
    const truck = fleet?.trucks.find((one) => one.truckId === truckId);
    if (!truck) return;
    setLastSeen(truck);
  };
  const zoomInto = (tile: string) => {
    const box = boxOfTile(tile);
    if (map.current) map.current.goTo(box);
    else look(box, zoomOfTile(tile));
  };
  const showAll = () => {
    wantsAll.current = true;
    look(WHOLE_WORLD, 0);
  };
  const moved = (bbox: Box, zoom: number) => {
    wantsAll.current = false;
    look(bbox, zoom);
  };
  const close = () => {
    setChosen(null);
    list.current?.querySelector<HTMLElement>('.rows')?.focus();
  };

  if (picture?.connection === 'forbidden') return <p role="alert">{t.forbidden}</p>;
  const connection = picture?.connection ?? 'connecting';
  const age_s = picture?.fleetMs == null ? null : Math.max(0, (nowMs - picture.fleetMs) / 1000);
  const troubles = fleet && troublesOf(fleet);
  return (
    <div class="fleet" data-connection={connection} data-current={picture?.isCurrent ?? false}>
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
            {connection === 'signed_out' ? t.sessionOver : t.connection[connection]}
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
        </p>
        {fleet && (
          <FleetList
            fleet={fleet}
            fleetMs={picture?.fleetMs ?? nowMs}
            nowMs={nowMs}
            chosen={chosen}
            onTruck={choose}
            onCluster={zoomInto}
            language={language}
            t={t}
          />
        )}
      </section>
      {chosen && lastSeen && (
        <TruckDetail
          key={chosen}
          config={config}
          accessToken={session.accessToken}
          truck={lastSeen}
          age_s={positionAge_s(picture, lastSeen, nowMs)}
          isInView={fleet?.trucks.some(({ truckId }) => truckId === chosen) ?? false}
          truckIds={fleet?.trucks.map(({ truckId }) => truckId) ?? []}
          service={service}
          nowMs={nowMs}
          language={language}
          t={t}
          onFind={config.map ? () => map.current?.goToPoint(lastSeen) : null}
          onClose={close}
        />
      )}
      {config.map && (
        <FleetMapPanel
          config={config.map}
          fleet={fleet}
          chosen={chosen}
          map={map}
          onReady={frame}
          onView={moved}
          onTruck={choose}
          onCluster={zoomInto}
          t={t}
        />
      )}
    </div>
  );
}
