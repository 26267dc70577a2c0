import { useEffect, useRef, useState } from 'preact/hooks';
import type { Point } from '../map/scene.js';
import type { MapConfig } from '../shared/config.js';
import { whenIdle } from '../shared/loading.js';
import type { Pins } from './create_form.js';
import type { FleetMap, FleetMapEvents, Picking } from './fleet_map.js';
import type { Box, Fleet } from './fleet_messages.js';
import type { Replayed } from './replay_panel.js';
import type { Texts } from './texts.js';

interface Props {
  readonly config: MapConfig;
  readonly fleet: Fleet | null;
  readonly chosen: string | null;
  /** Receives the map once it is loaded. */
  readonly map: { current: FleetMap | null };
  readonly onReady: () => void;
  readonly onView: (bbox: Box, zoom: number) => void;
  readonly onTruck: (truckId: string) => void;
  readonly onCluster: (tile: string) => void;
  readonly pins: Pins | null;
  readonly replayed: Replayed | null;
  readonly picking: Picking;
  readonly onPlace: (point: Point) => void;
  readonly onPickEnd: () => void;
  readonly t: Texts;
}

/** The map of the fleet, loaded after the list shows the first snapshot. */
export function FleetMapPanel(props: Props) {
  const { config, fleet, chosen, map, pins, replayed, picking, t, ...events } = props;
  const [stage, setStage] = useState<'loading' | 'on' | 'failed'>('loading');
  const container = useRef<HTMLDivElement>(null);
  const latestEvents = useRef(events);
  latestEvents.current = events;
  const hasSnapshot = fleet !== null;

  useEffect(() => {
    if (!hasSnapshot) return undefined;
    let isCancelled = false;
    const cancel = whenIdle(async () => {
      const loaded = await load(container.current, config, t, {
        onView: (...at) => latestEvents.current.onView(...at),
        onTruck: (id) => latestEvents.current.onTruck(id),
        onCluster: (tile) => latestEvents.current.onCluster(tile),
        onPlace: (point) => latestEvents.current.onPlace(point),
      });
      if (isCancelled) {
        loaded?.remove();
        return;
      }
      map.current = loaded;
      setStage(loaded ? 'on' : 'failed');
      if (loaded) latestEvents.current.onReady();
    });
    return () => {
      isCancelled = true;
      cancel();
      map.current?.remove();
      map.current = null;
    };
  }, [hasSnapshot, config]);

  useEffect(() => map.current?.show(fleet, chosen), [fleet, chosen, stage]);
  useEffect(() => map.current?.pin(pins), [pins, stage]);
  useEffect(() => map.current?.replay(replayed), [replayed, stage]);
  useEffect(() => map.current?.pick(picking), [picking, stage]);

  useEffect(() => {
    if (picking === null) return undefined;
    const onKeyDown = ({ key }: KeyboardEvent) => key === 'Escape' && events.onPickEnd();
    document.addEventListener('keydown', onKeyDown);
    return () => document.removeEventListener('keydown', onKeyDown);
  }, [picking]);

  return (
    <section class="map" data-map={stage}>
      {picking && (
        <p class="picking notice" role="status">
          {t.picking[picking]}{' '}
          <button type="button" onClick={events.onPickEnd}>
            {t.stopPicking}
          </button>
        </p>
      )}
      {stage === 'failed' ? <p class="muted">{t.noMap}</p> : <div class="canvas" ref={container} />}
    </section>
  );
}

async function load(
  container: HTMLElement | null,
  config: MapConfig,
  t: Texts,
  events: FleetMapEvents,
): Promise<FleetMap | null> {
  if (!container || !document.createElement('canvas').getContext('webgl2')) return null;
  try {
    const { makeFleetMap } = await import('./fleet_map.js');
    const labels = { ...t, ...t.placeLegend };
    return await makeFleetMap(container, config, labels, events);
  } catch (error) {
    console.warn('the map could not be loaded', error);
    return null;
  }
}
