/** The markers' elements. They have no inline styles, because the page's policy forbids them. */

const SVG = 'http://www.w3.org/2000/svg';

/** The truck's marker: an arrow, which the map rotates to the heading. */
export function truckMarker(label: string): HTMLElement {
  return marker('truck-marker', label, '0 0 36 36', [
    ['circle', { cx: '18', cy: '18', r: '14', class: 'body' }],
    ['path', { d: 'M18 8l6.5 16.5L18 21l-6.5 3.5z', class: 'arrow' }],
    ['circle', { cx: '18', cy: '18', r: '5', class: 'dot' }],
  ]);
}

export function originPin(label: string): HTMLElement {
  return marker('pin origin', label, '0 0 24 32', [
    ['path', { d: 'M12 1a11 11 0 0 0-11 11c0 8 11 19 11 19s11-11 11-19A11 11 0 0 0 12 1z' }],
    ['rect', { x: '8', y: '8', width: '8', height: '8', class: 'hole' }],
  ]);
}

export function destinationPin(label: string): HTMLElement {
  return marker('pin destination', label, '0 0 24 32', [
    ['path', { d: 'M12 1a11 11 0 0 0-11 11c0 8 11 19 11 19s11-11 11-19A11 11 0 0 0 12 1z' }],
    ['circle', { cx: '12', cy: '12', r: '4.5', class: 'hole' }],
  ]);
}

function marker(
  className: string,
  label: string,
  viewBox: string,
  shapes: readonly (readonly [string, Record<string, string>])[],
): HTMLElement {
  const element = document.createElement('div');
  element.className = className;
  element.setAttribute('role', 'img');
  element.setAttribute('aria-label', label);
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', viewBox);
  svg.setAttribute('aria-hidden', 'true');
  for (const [name, attributes] of shapes) {
    const shape = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) shape.setAttribute(key, value);
    svg.append(shape);
  }
  element.append(svg);
  return element;
}
