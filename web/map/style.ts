import type { StyleSpecification } from 'maplibre-gl';

const PMTILES = 'pmtiles://';

/**
 * Fetches a style. Its relative `pmtiles://` URLs are resolved against the style's own URL.
 *
 * @throws Error if it can't be fetched.
 */
export async function loadStyle(url: string): Promise<StyleSpecification> {
  const base = new URL(url, document.baseURI);
  const response = await fetch(base, { credentials: 'omit' });
  if (!response.ok) throw new Error(`map style: HTTP ${response.status}`);
  return withAbsoluteSources(await response.json(), base);
}

/** Returns the style with absolute `pmtiles://` URLs. */
export function withAbsoluteSources(style: StyleSpecification, base: URL): StyleSpecification {
  const sources = Object.entries(style.sources).map(([name, source]) => {
    const url = 'url' in source ? source.url : undefined;
    if (!url?.startsWith(PMTILES)) return [name, source];
    const absolute = new URL(url.slice(PMTILES.length), base).href;
    return [name, { ...source, url: `${PMTILES}${absolute}` }];
  });
  return { ...style, sources: Object.fromEntries(sources) };
}
