/** The map of the fleet, with trucks or clusters. The console loads this module on demand. */

import type { Feature } from 'geojson';
import { type GeoJSONSource, type Map as MapLibreMap, Marker } from 'maplibre-gl';
import { type BaseLabels, makeBaseMap } from '../map/base_map.js';
import { destinationPin, originPin } from '../map/markers.js';
import type { Point } from '../map/scene.js';
import type { MapConfig } from '../shared/config.js';
import type { Pins } from './create_form.js';
import { FleetAnimation } from './fleet_animation.js';
import { addImages, addLayers } from './fleet_layers.js';
import type { Box, Fleet, FleetTruck } from './fleet_messages.js';
import { boxOf, zoomOf } from './fleet_view.js';
import type { Moment } from './replay.js';
import type { Replayed } from './replay_panel.js';

export interface FleetMapLabels extends BaseLabels {
  readonly origin: string;
  readonly destination: string;
}

/** What the next click chooses for a form; null if clicks open trucks and clusters. */
export type Picking = 'place' | 'truck' | null;

export interface FleetMapEvents {
  /** Called when the map has come to rest at another view. */
  onView(bbox: Box, zoom: number): void;
  onTruck(truckId: string): void;
  onCluster(tile: string): void;
  /** Called when a place was chosen for a form. */
  onPlace(point: Point): void;
}

export interface FleetMap {
  show(fleet: Fleet | null, selected: string | null): void;
  goTo(box: Box): void;
  goToPoint(point: Point): void;
  /** Shows the origin and destination of a delivery. */
  pin(pins: Pins | null): void;
  replay(replayed: Replayed | null): void;
  pick(picking: Picking): void;
  remove(): void;
}

/** Interval in ms between frames of an animation; each frame sends all trucks to a worker. */
const DRAW_EVERY_MS = 50;

/**
 * Creates the map.
 *
 * @throws Error if the style can't be loaded or WebGL does not start.
 */
export async function makeFleetMap(
  container: HTMLElement,
  config: MapConfig,
  labels: FleetMapLabels,
  events: FleetMapEvents,
): Promise<FleetMap> {
  const { map, reducedMotion } = await makeBaseMap(container, config, labels);
  addImages(map);
  addLayers(map);
  const origin = new Marker({ element: originPin(labels.origin), anchor: 'bottom' });
  const destination = new Marker({ element: destinationPin(labels.destination), anchor: 'bottom' });
  let picking: Picking = null;
  let shownLines: Replayed['lines'] | null = null;
  for (const layer of ['trucks', 'clusters']) {
    map.on('click', layer, ({ features }) => {
      const id = features?.[0]?.properties['id'];
      if (typeof id !== 'string' || picking === 'place') return;
      if (layer === 'trucks') events.onTruck(id);
      else events.onCluster(id);
    });
    map.on('mouseenter', layer, () => map.getCanvas().classList.add('over-truck'));
    map.on('mouseleave', layer, () => map.getCanvas().classList.remove('over-truck'));
  }
  map.on('click', ({ lngLat }) => {
    if (picking !== 'place') return;
    const { lat, lng } = lngLat.wrap();
    events.onPlace({ lat, lon: lng });
  });
  const onMoveEnd = () => {
    const bounds = map.getBounds();
    const [west, south] = bounds.getSouthWest().toArray();
    const [east, north] = bounds.getNorthEast().toArray();
    events.onView(boxOf(west, south, east, north), zoomOf(map.getZoom()));
  };
  map.on('moveend', onMoveEnd);
  const animation = new FleetAnimation();
  let shown: readonly FleetTruck[] | null = null;
  let chosen: string | null = null;
  let drawnMs = Number.NEGATIVE_INFINITY;
  let frame: number | null = null;
  /** Draws the trucks until their animation has finished; a hidden page gets no frames. */
  const draw = () => {
    if (frame !== null) return;
    frame = requestAnimationFrame((nowMs) => {
      frame = null;
      const isFinished = animation.isFinished(nowMs);
      if (isFinished || nowMs >= drawnMs + DRAW_EVERY_MS) {
        drawnMs = nowMs;
        const trucks = animation.at(nowMs);
        setData(
          map,
          'trucks',
          trucks.map((truck) => truckFeature(truck, chosen)),
        );
        const one = trucks.find(({ truckId }) => truckId === chosen);
        container.dataset['chosen'] = one ? `${one.lat},${one.lon}` : '';
      }
      if (!isFinished) draw();
    });
  };
  const duration = reducedMotion ? 0 : 400;
  let framed: Box | null = null;
  const goTo = (box: Box, duration_ms = duration) => {
    const [west, south, east, north] = box;
    const unwrappedEast = east < west ? east + 360 : east;
    framed = box;
    map.fitBounds([west, south, unwrappedEast, north], {
      padding: 48,
      maxZoom: 15,
      duration: duration_ms,
    });
  };
  map.on('movestart', ({ originalEvent }) => {
    if (originalEvent) framed = null;
  });
  // Opening a truck's details makes the map narrower. It keeps its box until the user moves it.
  map.on('resize', () => {
    if (framed) goTo(framed, 0);
  });
  return {
    show(fleet, selected) {
      const trucks = fleet?.trucks ?? [];
      chosen = selected;
      if (trucks !== shown) {
        shown = trucks;
        animation.update(trucks, map.getZoom(), performance.now(), reducedMotion);
        setData(map, 'clusters', (fleet?.clusters ?? []).map(clusterFeature));
      }
      container.dataset['trucks'] = String(trucks.length);
      drawnMs = Number.NEGATIVE_INFINITY;
      draw();
    },
    goTo,
    goToPoint({ lat, lon }) {
      framed = null;
      map.easeTo({ center: [lon, lat], zoom: Math.max(map.getZoom(), 13), duration });
    },
    pin(pins) {
      place(map, origin, pins?.origin ?? null);
      place(map, destination, pins?.destination ?? null);
    },
    replay(replayed) {
      const lines = replayed?.lines ?? null;
      if (lines !== shownLines) {
        shownLines = lines;
        const track: Feature = {
          type: 'Feature',
          properties: {},
          geometry: { type: 'MultiLineString', coordinates: lines ?? [] },
        };
        setData(map, 'track', lines?.length ? [track] : []);
        const box = lines && boxOfLines(lines);
        if (box) goTo(box);
      }
      const moment = replayed?.moment ?? null;
      setData(map, 'moment', moment ? [momentFeature(moment)] : []);
      if (moment) container.dataset['moment'] = `${moment.lat.toFixed(5)},${moment.lon.toFixed(5)}`;
      else delete container.dataset['moment'];
    },
    pick(target) {
      picking = target;
      map.getCanvas().classList.toggle('picks', target !== null);
    },
    remove() {
      if (frame !== null) cancelAnimationFrame(frame);
      map.remove();
    },
  };
}

function truckFeature(truck: FleetTruck, selected: string | null): Feature {
  const kind = truck.isStale || truck.isOffline ? 'silent' : truck.isLate ? 'late' : 'fine';
  return {
    type: 'Feature',
    properties: {
      id: truck.truckId,
      icon: truck.heading_deg === null ? `${kind}-dot` : `${kind}-arrow`,
      heading: truck.heading_deg ?? 0,
      isSelected: truck.truckId === selected,
    },
    geometry: { type: 'Point', coordinates: [truck.lon, truck.lat] },
  };
}

function momentFeature({ lat, lon, heading_deg, isSilent }: Moment): Feature {
  const icon = `${isSilent ? 'silent' : 'past'}-${heading_deg === null ? 'dot' : 'arrow'}`;
  return {
    type: 'Feature',
    properties: { icon, heading: heading_deg ?? 0 },
    geometry: { type: 'Point', coordinates: [lon, lat] },
  };
}

function boxOfLines(lines: Replayed['lines']): Box | null {
  const points = lines.flat();
  if (points.length === 0) return null;
  let [west, south, east, north] = [180, 90, -180, -90];
  for (const [lon, lat] of points) {
    [west, east] = [Math.min(west, lon), Math.max(east, lon)];
    [south, north] = [Math.min(south, lat), Math.max(north, lat)];
  }
  return [west, south, east, north];
}

function clusterFeature({
  tile,
  lat,
  lon,
  count,
  late,
  stale,
  offline,
}: Fleet['clusters'][number]): Feature {
  return {
    type: 'Feature',
    properties: { id: tile, count, hasTrouble: late + stale + offline > 0 },
    geometry: { type: 'Point', coordinates: [lon, lat] },
  };
}

function setData(map: MapLibreMap, source: string, features: Feature[]): void {
  map.getSource<GeoJSONSource>(source)?.setData({ type: 'FeatureCollection', features });
}

function place(map: MapLibreMap, marker: Marker, point: Point | null): void {
  if (point) marker.setLngLat([point.lon, point.lat]).addTo(map);
  else marker.remove();
}
