/** The MapLibre map that all maps of the pages are based on: style, controls and labels. */

import 'maplibre-gl/dist/maplibre-gl.css';
import {
  AttributionControl,
  addProtocol,
  Map as MapLibreMap,
  NavigationControl,
  setWorkerUrl,
} from 'maplibre-gl';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?url';
import { Protocol } from 'pmtiles';
import type { MapConfig } from '../shared/config.js';
import { loadStyle } from './style.js';
import './map.css';

setWorkerUrl(workerUrl);
addProtocol('pmtiles', new Protocol().tile);

export interface BaseLabels {
  readonly map: string;
  readonly zoomIn: string;
  readonly zoomOut: string;
}

export interface BaseMap {
  readonly map: MapLibreMap;
  readonly isDark: boolean;
  readonly reducedMotion: boolean;
}

/**
 * Creates a map and waits until it is loaded. Its container has `data-idle` while the map is idle.
 *
 * @throws Error if the style can't be loaded or WebGL does not start.
 */
export async function makeBaseMap(
  container: HTMLElement,
  config: MapConfig,
  labels: BaseLabels,
): Promise<BaseMap> {
  const isDark = matchMedia('(prefers-color-scheme: dark)').matches;
  const reducedMotion = matchMedia('(prefers-reduced-motion: reduce)').matches;
  const style = await loadStyle((isDark && config.dark_style_url) || config.style_url);
  const map = new MapLibreMap({
    container,
    style,
    attributionControl: false,
    fadeDuration: reducedMotion ? 0 : 200,
    dragRotate: false,
    pitchWithRotate: false,
    locale: {
      'Map.Title': labels.map,
      'NavigationControl.ZoomIn': labels.zoomIn,
      'NavigationControl.ZoomOut': labels.zoomOut,
    },
  });
  map.touchZoomRotate.disableRotation();
  map.addControl(new AttributionControl({ compact: false }));
  map.addControl(new NavigationControl({ showCompass: false }), 'top-right');
  await new Promise<void>((resolve) => map.once('load', () => resolve()));
  map.on('idle', () => {
    container.dataset['idle'] = 'yes';
  });
  for (const event of ['movestart', 'dataloading'] as const) {
    map.on(event, () => delete container.dataset['idle']);
  }
  return { map, isDark, reducedMotion };
}
