import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { ageOf } from '../shared/format.js';
import type { Language } from '../shared/language.js';
import type { Fleet, FleetCluster, FleetTruck } from './fleet_messages.js';
import { rowAfter, scrollTo, windowOf } from './list_window.js';
import { statusText, type Texts } from './texts.js';

/** In pixels, as in console.css. */
const ROW_HEIGHT = 64;

interface Props {
  readonly fleet: Fleet;
  /** When the snapshot was received, by this device's clock. */
  readonly fleetMs: number;
  readonly nowMs: number;
  readonly chosen: string | null;
  readonly onTruck: (truckId: string) => void;
  readonly onCluster: (tile: string) => void;
  readonly language: Language;
  readonly t: Texts;
}

type Row =
  | { readonly key: string; readonly truck: FleetTruck }
  | { readonly key: string; readonly cluster: FleetCluster };

/** The trucks of the view, or its clusters, largest first. Only the visible rows are drawn. */
export function FleetList(props: Props) {
  const { fleet, chosen, onTruck, onCluster, t } = props;
  const box = useRef<HTMLDivElement>(null);
  const [scrollTop, setScrollTop] = useState(0);
  const [height, setHeight] = useState(480);
  const [active, setActive] = useState<string | null>(null);
  const rows = rowsOf(fleet);
  const count = rows.length;
  const activeRow = rows.findIndex(({ key }) => key === active);
  const shown = windowOf(scrollTop, height, ROW_HEIGHT, count);

  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(() => setHeight(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const scrollIntoView = (row: number) => {
    const element = box.current;
    const to = element && scrollTo(row, element.scrollTop, element.clientHeight, ROW_HEIGHT);
    if (element && to !== null) {
      element.scrollTop = to;
      setScrollTop(to);
    }
  };

  useEffect(() => {
    // Show the row of a truck that was chosen on the map.
    const row = rows.findIndex(({ key }) => key === chosen);
    if (row < 0) return;
    setActive(chosen);
    scrollIntoView(row);
  }, [chosen]);

  const activate = (row: Row) => {
    setActive(row.key);
    if ('truck' in row) onTruck(row.key);
    else onCluster(row.key);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.floor(height / ROW_HEIGHT) - 1);
    const row = rowAfter(event.key, activeRow, count, page);
    const current = rows[activeRow];
    if (row !== null) {
      event.preventDefault();
      setActive(rows[row]?.key ?? null);
      scrollIntoView(row);
    } else if ((event.key === 'Enter' || event.key === ' ') && current) {
      event.preventDefault();
      activate(current);
    }
  };

  if (count === 0) return <p>{t.noTrucks}</p>;
  return (
    <div
      class="rows"
      ref={box}
      role="listbox"
      tabIndex={0}
      aria-label={fleet.clusters.length > 0 ? t.clusterListLabel : t.listLabel}
      aria-activedescendant={
        activeRow >= shown.first && activeRow < shown.end ? `row-${activeRow}` : undefined
      }
      onKeyDown={onKeyDown}
      onFocus={() => activeRow < 0 && setActive(rows[shown.first]?.key ?? null)}
      onScroll={(event) => setScrollTop(event.currentTarget.scrollTop)}
    >
      <div class="space" role="presentation" style={{ height: `${count * ROW_HEIGHT}px` }}>
        {rows.slice(shown.first, shown.end).map((row, i) => {
          const number = shown.first + i;
          return (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the list box handles the keys
            <div
              key={row.key}
              id={`row-${number}`}
              class={number === activeRow ? 'row active' : 'row'}
              role="option"
              tabIndex={-1}
              aria-selected={row.key === chosen}
              aria-setsize={count}
              aria-posinset={number + 1}
              data-id={row.key}
              style={{ top: `${number * ROW_HEIGHT}px` }}
              onClick={() => activate(row)}
            >
              {'truck' in row ? (
                <TruckRow truck={row.truck} {...props} />
              ) : (
                <ClusterRow cluster={row.cluster} t={t} />
              )}
            </div>
          );
        })}
      </div>
    </div>
  );
}

function TruckRow({ truck, fleet, fleetMs, nowMs, language, t }: Props & { truck: FleetTruck }) {
  // Measured by the service's clock up to the snapshot, and by this device's clock since then.
  const age_s = Math.max(0, (fleet.asOfMs - truck.atMs + nowMs - fleetMs) / 1000);
  return (
    <>
      <span class="name">{truck.truckId}</span> <Badges truck={truck} t={t} />
      <span class="muted">
        {statusText(truck.status, t)}
        {truck.deliveryId && ` · ${truck.deliveryId}`} · {ageOf(age_s, language, t)}
      </span>
    </>
  );
}

export function Badges({ truck, t }: { truck: FleetTruck; t: Texts }) {
  return (
    <span class="badges">
      {truck.isLate && <span class="badge late">{t.trouble.late}</span>}{' '}
      {truck.isOffline ? (
        <span class="badge offline">{t.trouble.offline}</span>
      ) : (
        truck.isStale && <span class="badge stale">{t.trouble.stale}</span>
      )}
    </span>
  );
}

function ClusterRow({ cluster, t }: { cluster: FleetCluster; t: Texts }) {
  const troubles = (['late', 'stale', 'offline'] as const).filter((one) => cluster[one] > 0);
  return (
    <>
      <span class="name">{t.cluster(cluster.count)}</span>{' '}
      <span class="badges">
        {troubles.map((one) => (
          <span key={one} class={`badge ${one}`}>
            {t.troubleCount[one](cluster[one])}{' '}
          </span>
        ))}
      </span>
      <span class="muted">
        {t.zoomIntoCluster} · {cluster.lat.toFixed(2)}, {cluster.lon.toFixed(2)}
      </span>
    </>
  );
}

function rowsOf({ trucks, clusters }: Fleet): Row[] {
  if (clusters.length === 0) return trucks.map((truck) => ({ key: truck.truckId, truck }));
  return clusters
    .toSorted((one, other) => other.count - one.count || (one.tile < other.tile ? -1 : 1))
    .map((cluster) => ({ key: cluster.tile, cluster }));
}
