/** The map of the fleet: trucks, or clusters of them; fetched when it is wanted. */

import type { Feature } from 'geojson';
import type { GeoJSONSource, Map as MapLibreMap } from 'maplibre-gl';
import { type BaseWords, makeBaseMap } from '../map/base_map.js';
import type { Point } from '../map/scene.js';
import type { MapConfig } from '../shared/config.js';
import type { Box, Fleet, FleetTruck } from './fleet_messages.js';
import { boxOf, zoomOf } from './fleet_view.js';

export interface FleetMapEvents {
  /** The map rests at another view. */
  onView(bbox: Box, zoom: number): void;
  onTruck(truckId: string): void;
  onCluster(tile: string): void;
}

export interface FleetMap {
  show(fleet: Fleet | null, selected: string | null): void;
  goTo(box: Box): void;
  goToPoint(point: Point): void;
  remove(): void;
}

const COLOURS = { fine: '#1a5fb4', late: '#b42318', silent: '#6b7280' };
const ICON_PX = 22;
const RATIO = 2;

/**
 * Makes the map.
 *
 * @throws Error when the style can't be had or WebGL does not start.
 */
export async function makeFleetMap(
  container: HTMLElement,
  config: MapConfig,
  words: BaseWords,
  events: FleetMapEvents,
): Promise<FleetMap> {
  const { map, reducedMotion } = await makeBaseMap(container, config, words);
  addImages(map);
  addLayers(map);
  for (const layer of ['trucks', 'clusters']) {
    map.on('click', layer, ({ features }) => {
      const id = features?.[0]?.properties['id'];
      if (typeof id !== 'string') return;
      if (layer === 'trucks') events.onTruck(id);
      else events.onCluster(id);
    });
    map.on('mouseenter', layer, () => map.getCanvas().classList.add('over-truck'));
    map.on('mouseleave', layer, () => map.getCanvas().classList.remove('over-truck'));
  }
  const rests = () => {
    const bounds = map.getBounds();
    const [west, south] = bounds.getSouthWest().toArray();
    const [east, north] = bounds.getNorthEast().toArray();
    events.onView(boxOf(west, south, east, north), zoomOf(map.getZoom()));
  };
  map.on('moveend', rests);
  const duration = reducedMotion ? 0 : 400;
  return {
    show(fleet, selected) {
      setData(
        map,
        'trucks',
        (fleet?.trucks ?? []).map((truck) => truckFeature(truck, selected)),
      );
      setData(map, 'clusters', (fleet?.clusters ?? []).map(clusterFeature));
      container.dataset['trucks'] = String(fleet?.trucks.length ?? 0);
    },
    goTo([west, south, east, north]) {
      const turned = east < west ? east + 360 : east;
      map.fitBounds([west, south, turned, north], { padding: 48, maxZoom: 15, duration });
    },
    goToPoint({ lat, lon }) {
      map.easeTo({ center: [lon, lat], zoom: Math.max(map.getZoom(), 13), duration });
    },
    remove() {
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

function addLayers(map: MapLibreMap): void {
  for (const id of ['clusters', 'trucks']) {
    map.addSource(id, { type: 'geojson', data: { type: 'FeatureCollection', features: [] } });
  }
  // A font that the style has glyphs for; one without glyphs draws with the device's.
  const labels = map.getStyle().layers.find((layer) => layer.type === 'symbol');
  const font = labels?.layout?.['text-font'];
  map.addLayer({
    id: 'clusters',
    type: 'circle',
    source: 'clusters',
    paint: {
      'circle-color': COLOURS.fine,
      'circle-opacity': 0.85,
      'circle-stroke-color': ['case', ['get', 'hasTrouble'], COLOURS.late, '#fff'],
      'circle-stroke-width': 3,
      'circle-radius': ['interpolate', ['linear'], ['log10', ['get', 'count']], 0, 14, 4, 30],
    },
  });
  map.addLayer({
    id: 'counts',
    type: 'symbol',
    source: 'clusters',
    layout: {
      'text-field': ['to-string', ['get', 'count']],
      'text-size': 13,
      'text-allow-overlap': true,
      ...(font === undefined ? {} : { 'text-font': font }),
    },
    paint: { 'text-color': '#fff' },
  });
  map.addLayer({
    id: 'selected',
    type: 'circle',
    source: 'trucks',
    filter: ['get', 'isSelected'],
    paint: {
      'circle-radius': 18,
      'circle-color': COLOURS.fine,
      'circle-opacity': 0.2,
      'circle-stroke-color': COLOURS.fine,
      'circle-stroke-width': 3,
    },
  });
  map.addLayer({
    id: 'trucks',
    type: 'symbol',
    source: 'trucks',
    layout: {
      'icon-image': ['get', 'icon'],
      'icon-rotate': ['get', 'heading'],
      'icon-rotation-alignment': 'map',
      'icon-allow-overlap': true,
    },
  });
}

function addImages(map: MapLibreMap): void {
  for (const [kind, colour] of Object.entries(COLOURS)) {
    for (const shape of ['arrow', 'dot'] as const) {
      map.addImage(`${kind}-${shape}`, draw(colour, shape), { pixelRatio: RATIO });
    }
  }
}

function draw(colour: string, shape: 'arrow' | 'dot'): ImageData {
  const size = ICON_PX * RATIO;
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = size;
  const pen = canvas.getContext('2d');
  if (!pen) throw new Error('there is no canvas');
  pen.scale(size / 36, size / 36);
  pen.fillStyle = colour;
  pen.strokeStyle = '#fff';
  pen.lineWidth = 3;
  pen.beginPath();
  pen.arc(18, 18, 15, 0, 2 * Math.PI);
  pen.fill();
  pen.stroke();
  pen.fillStyle = '#fff';
  pen.fill(shape === 'arrow' ? new Path2D('M18 8l6.5 16.5L18 21l-6.5 3.5z') : dot());
  return pen.getImageData(0, 0, size, size);
}

function dot(): Path2D {
  const path = new Path2D();
  path.arc(18, 18, 5, 0, 2 * Math.PI);
  return path;
}

function setData(map: MapLibreMap, source: string, features: Feature[]): void {
  map.getSource<GeoJSONSource>(source)?.setData({ type: 'FeatureCollection', features });
}
