/** MapLibre with a style, its controls and words: what every map here begins as. */

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

export interface BaseWords {
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
 * Makes a map and waits until it is loaded; its container has `data-idle` while nothing moves.
 *
 * @throws Error when the style can't be had or WebGL does not start.
 */
export async function makeBaseMap(
  container: HTMLElement,
  config: MapConfig,
  words: BaseWords,
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
      'Map.Title': words.map,
      'NavigationControl.ZoomIn': words.zoomIn,
      'NavigationControl.ZoomOut': words.zoomOut,
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
