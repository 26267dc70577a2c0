/** The layers and icons of the fleet's map: trucks, clusters and a replay. */

import type { Map as MapLibreMap } from 'maplibre-gl';

const COLOURS = { fine: '#1a5fb4', late: '#b42318', silent: '#6b7280', past: '#6d3fb0' };
const ICON_PX = 22;
const RATIO = 2;

export function addLayers(map: MapLibreMap): void {
  for (const id of ['clusters', 'trucks', 'track', 'moment']) {
    map.addSource(id, { type: 'geojson', data: { type: 'FeatureCollection', features: [] } });
  }
  // Use a font that the style has glyphs for. Without glyphs, MapLibre uses the device's font.
  const labels = map.getStyle().layers.find((layer) => layer.type === 'symbol');
  const font = labels?.layout?.['text-font'];
  map.addLayer({
    id: 'track',
    type: 'line',
    source: 'track',
    layout: { 'line-cap': 'round', 'line-join': 'round' },
    paint: { 'line-color': COLOURS.past, 'line-width': 4, 'line-opacity': 0.7 },
  });
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
  map.addLayer({
    id: 'moment',
    type: 'symbol',
    source: 'moment',
    layout: {
      'icon-image': ['get', 'icon'],
      'icon-size': 1.4,
      'icon-rotate': ['get', 'heading'],
      'icon-rotation-alignment': 'map',
      'icon-allow-overlap': true,
    },
  });
}

export function addImages(map: MapLibreMap): void {
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
  if (!pen) throw new Error('the browser has no 2D canvas');
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
