/** The map of one delivery. Pages load this module on demand. */

import type { Feature, Geometry } from 'geojson';
import { type GeoJSONSource, LngLatBounds, type Map as MapLibreMap, Marker } from 'maplibre-gl';
import type { MapConfig } from '../shared/config.js';
import { type BaseLabels, type BaseMap, makeBaseMap } from './base_map.js';
import { circle } from './geodesy.js';
import { animateTo, isFinished, type MarkerAnimation, markerAt } from './marker_animation.js';
import { destinationPin, originPin, truckMarker } from './markers.js';
import type { Point, Scene, Truck } from './scene.js';

export interface MapLabels extends BaseLabels {
  readonly truck: string;
  readonly origin: string;
  readonly destination: string;
}

export interface LiveMap {
  show(scene: Scene): void;
  goToTruck(): void;
  remove(): void;
}

/** Interval in ms at which the accuracy circle is redrawn during an animation. */
const CIRCLE_EVERY_MS = 100;
const ACCENT = { light: '#1a5fb4', dark: '#7ab0ff' };

/**
 * Creates the map. It draws nothing while the page is hidden.
 *
 * @throws Error if the style can't be loaded or WebGL does not start.
 */
export async function makeLiveMap(
  container: HTMLElement,
  config: MapConfig,
  labels: MapLabels,
): Promise<LiveMap> {
  const { map, isDark, reducedMotion }: BaseMap = await makeBaseMap(container, config, labels);
  addLayers(map, isDark ? ACCENT.dark : ACCENT.light);
  return new DeliveryMap(map, container, labels, reducedMotion);
}

class DeliveryMap implements LiveMap {
  readonly #map: MapLibreMap;
  readonly #container: HTMLElement;
  readonly #marker: Marker;
  readonly #origin: Marker;
  readonly #destination: Marker;
  readonly #reducedMotion: boolean;
  readonly #onVisibilityChange = () => this.#draw();
  #animation: MarkerAnimation<Truck> | null = null;
  #scene: Scene | null = null;
  #frame: number | null = null;
  #circleMs = 0;
  #isFramed = false;
  #follows = true;

  constructor(map: MapLibreMap, container: HTMLElement, labels: MapLabels, reducedMotion: boolean) {
    this.#map = map;
    this.#container = container;
    this.#reducedMotion = reducedMotion;
    this.#marker = new Marker({
      element: truckMarker(labels.truck),
      rotationAlignment: 'map',
      pitchAlignment: 'map',
    });
    this.#origin = new Marker({ element: originPin(labels.origin), anchor: 'bottom' });
    this.#destination = new Marker({
      element: destinationPin(labels.destination),
      anchor: 'bottom',
    });
    for (const event of ['dragstart', 'zoomstart'] as const) {
      map.on(event, ({ originalEvent }) => {
        if (originalEvent) this.#follows = false;
      });
    }
    document.addEventListener('visibilitychange', this.#onVisibilityChange);
  }

  show(scene: Scene): void {
    const before = this.#scene;
    this.#scene = scene;
    place(this.#map, this.#origin, scene.origin);
    place(this.#map, this.#destination, scene.destination);
    if (scene.truck === null) {
      this.#animation = null;
      this.#marker.remove();
      this.#drawCircle(null);
    } else if (!isSame(before?.truck ?? null, scene.truck)) {
      const nowMs = performance.now();
      const shown = this.#animation && markerAt(this.#animation, nowMs);
      this.#animation = animateTo(shown, scene.truck, nowMs, this.#reducedMotion);
    }
    this.#drawTrack();
    this.#draw();
    this.#keepInView();
  }

  goToTruck(): void {
    const truck = this.#scene?.truck;
    if (!truck) return;
    this.#follows = true;
    const zoom = Math.max(this.#map.getZoom(), 14);
    this.#map.easeTo({
      center: [truck.lon, truck.lat],
      zoom,
      duration: this.#reducedMotion ? 0 : 400,
    });
  }

  remove(): void {
    document.removeEventListener('visibilitychange', this.#onVisibilityChange);
    if (this.#frame !== null) cancelAnimationFrame(this.#frame);
    this.#map.remove();
  }

  #draw(): void {
    if (document.hidden || this.#frame !== null || this.#animation === null) return;
    this.#frame = requestAnimationFrame((nowMs) => {
      this.#frame = null;
      if (document.hidden || this.#animation === null) return;
      this.#drawTruck(markerAt(this.#animation, nowMs), nowMs, isFinished(this.#animation, nowMs));
      if (!isFinished(this.#animation, nowMs)) this.#draw();
    });
  }

  #drawTruck(truck: Truck, nowMs: number, isLast: boolean): void {
    this.#marker.setLngLat([truck.lon, truck.lat]).setRotation(truck.heading_deg ?? 0);
    this.#marker.addTo(this.#map);
    const element = this.#marker.getElement();
    element.classList.toggle('stale', truck.isStale);
    element.classList.toggle('no-heading', truck.heading_deg === null);
    this.#container.dataset['marker'] = `${truck.lat},${truck.lon}`;
    if (!isLast && nowMs < this.#circleMs + CIRCLE_EVERY_MS) return;
    this.#circleMs = nowMs;
    this.#drawCircle(truck);
    this.#drawTrack(truck);
  }

  #drawCircle(truck: Truck | null): void {
    const radius = truck?.accuracy_m ?? 0;
    setData(
      this.#map,
      'accuracy',
      truck && radius > 0 ? { type: 'Polygon', coordinates: [circle(truck, radius)] } : null,
    );
  }

  #drawTrack(end?: Truck): void {
    // The track's last point is the animation's target. Until then, the line ends at the marker.
    const points = this.#scene?.track ?? [];
    const shown = end && points.length > 1 ? [...points.slice(0, -1), end] : points;
    const coordinates = shown.map(({ lat, lon }) => [lon, lat]);
    setData(
      this.#map,
      'track',
      coordinates.length > 1 ? { type: 'LineString', coordinates } : null,
    );
  }

  /** Fits everything into the view once, then follows the truck until the user moves the map. */
  #keepInView(): void {
    const { truck, origin, destination } = this.#scene ?? {};
    const duration = this.#reducedMotion ? 0 : 800;
    if (!this.#isFramed) {
      const points = [truck, destination, origin].filter((point) => point != null);
      if (points.length === 0) return;
      this.#isFramed = true;
      const bounds = new LngLatBounds();
      for (const { lat, lon } of points) bounds.extend([lon, lat]);
      this.#map.fitBounds(bounds, { padding: 56, maxZoom: 15, duration: 0 });
    } else if (truck && this.#follows && !this.#isInside(truck)) {
      this.#map.easeTo({ center: [truck.lon, truck.lat], duration });
    }
  }

  #isInside({ lat, lon }: Point): boolean {
    const { x, y } = this.#map.project([lon, lat]);
    const { clientWidth, clientHeight } = this.#map.getContainer();
    return x > 40 && y > 40 && x < clientWidth - 40 && y < clientHeight - 40;
  }
}

function addLayers(map: MapLibreMap, color: string): void {
  for (const id of ['track', 'accuracy']) {
    map.addSource(id, { type: 'geojson', data: { type: 'FeatureCollection', features: [] } });
  }
  map.addLayer({
    id: 'track',
    type: 'line',
    source: 'track',
    layout: { 'line-cap': 'round', 'line-join': 'round' },
    paint: { 'line-color': color, 'line-width': 4, 'line-opacity': 0.7 },
  });
  map.addLayer({
    id: 'accuracy',
    type: 'fill',
    source: 'accuracy',
    paint: { 'fill-color': color, 'fill-opacity': 0.18, 'fill-outline-color': color },
  });
}

function setData(map: MapLibreMap, source: string, geometry: Geometry | null): void {
  const features: Feature[] = geometry ? [{ type: 'Feature', properties: {}, geometry }] : [];
  map.getSource<GeoJSONSource>(source)?.setData({ type: 'FeatureCollection', features });
}

function place(map: MapLibreMap, marker: Marker, point: Point | null): void {
  if (point) marker.setLngLat([point.lon, point.lat]).addTo(map);
  else marker.remove();
}

function isSame(one: Truck | null, other: Truck): boolean {
  return (
    one !== null &&
    one.lat === other.lat &&
    one.lon === other.lon &&
    one.heading_deg === other.heading_deg &&
    one.accuracy_m === other.accuracy_m &&
    one.isStale === other.isStale
  );
}
