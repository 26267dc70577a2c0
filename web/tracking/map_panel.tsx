import type { Report, Status } from '@rtdts/client';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { LiveMap } from '../map/live_map.js';
import type { MapConfig } from '../shared/config.js';
import { savesData, whenIdle } from '../shared/loading.js';
import { sceneOf } from './scene.js';
import type { Texts } from './texts.js';

type Stage = 'off' | 'loading' | 'on' | 'failed';

/**
 * The longest time in ms that the map waits for the first update from the service.
 *
 * Creating a map blocks the page for a second on a slow device. So the map waits until the position
 * is shown.
 */
const MAX_WAIT_MS = 5000;

interface Props {
  readonly config: MapConfig;
  readonly report: Report;
  readonly status: Status | null;
  readonly t: Texts;
}

/** The map. It is loaded after status and position are shown; with data saving only on request. */
export function MapPanel({ config, report, status, t }: Props) {
  const isSaving = useState(savesData)[0];
  const [stage, setStage] = useState<Stage>(isSaving ? 'off' : 'loading');
  const container = useRef<HTMLDivElement>(null);
  const map = useRef<LiveMap | null>(null);
  const scene = sceneOf(report, status);
  const [canLoad, setCanLoad] = useState(false);
  const hasUpdate = (report.delivery?.version ?? 0) > 0 || report.connection === 'ended';

  useEffect(() => {
    const timer = setTimeout(() => setCanLoad(true), hasUpdate ? 0 : MAX_WAIT_MS);
    return () => clearTimeout(timer);
  }, [hasUpdate]);

  useEffect(() => {
    if (stage !== 'loading' || !canLoad) return undefined;
    let isCancelled = false;
    const cancel = whenIdle(async () => {
      const loaded = await load(container.current, config, t);
      if (isCancelled) loaded?.remove();
      else {
        map.current = loaded;
        setStage(loaded ? 'on' : 'failed');
      }
    });
    return () => {
      isCancelled = true;
      cancel();
    };
  }, [stage, canLoad, config]);

  useEffect(() => {
    map.current?.show(scene);
  }, [report, stage]);

  useEffect(() => () => map.current?.remove(), []);

  const toggle = () => {
    map.current?.remove();
    map.current = null;
    setStage(stage === 'off' ? 'loading' : 'off');
  };
  const truck = scene.truck;
  return (
    <section class="map" data-map={stage}>
      {stage === 'failed' && <p class="muted">{t.noMap}</p>}
      {(stage === 'loading' || stage === 'on') && (
        <div class="canvas" ref={container} data-truck={truck ? `${truck.lat},${truck.lon}` : ''} />
      )}
      {stage !== 'failed' && (
        <p class="buttons">
          <button type="button" onClick={toggle} aria-pressed={stage !== 'off'}>
            {stage === 'off' ? (isSaving ? t.showMapSaving : t.showMap) : t.hideMap}
          </button>
          {stage === 'on' && truck && (
            <button type="button" onClick={() => map.current?.goToTruck()}>
              {t.findTruck}
            </button>
          )}
        </p>
      )}
    </section>
  );
}

async function load(
  container: HTMLElement | null,
  config: MapConfig,
  t: Texts,
): Promise<LiveMap | null> {
  if (!container || !document.createElement('canvas').getContext('webgl2')) return null;
  try {
    const { makeLiveMap } = await import('../map/live_map.js');
    return await makeLiveMap(container, config, t);
  } catch (error) {
    console.warn('the map could not be loaded', error);
    return null;
  }
}
