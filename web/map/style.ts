import type { StyleSpecification } from 'maplibre-gl';

const PMTILES = 'pmtiles://';

/**
 * Fetches a style; `pmtiles://` URLs in it that are relative are meant from where it lies.
 *
 * @throws Error when it can't be had.
 */
export async function loadStyle(url: string): Promise<StyleSpecification> {
  const base = new URL(url, document.baseURI);
  const response = await fetch(base, { credentials: 'omit' });
  if (!response.ok) throw new Error(`map style: HTTP ${response.status}`);
  return withAbsoluteSources(await response.json(), base);
}

/** The style with absolute URLs of its PMTiles. */
export function withAbsoluteSources(style: StyleSpecification, base: URL): StyleSpecification {
  const sources = Object.entries(style.sources).map(([name, source]) => {
    const url = 'url' in source ? source.url : undefined;
    if (!url?.startsWith(PMTILES)) return [name, source];
    const absolute = new URL(url.slice(PMTILES.length), base).href;
    return [name, { ...source, url: `${PMTILES}${absolute}` }];
  });
  return { ...style, sources: Object.fromEntries(sources) };
}
