/** Where the service is: `config.json` beside the page, written by what deploys it. */

export interface MapConfig {
  /** A MapLibre style; its sources may be `pmtiles://` followed by a URL relative to it. */
  readonly style_url: string;
  /** The same for dark mode; null: the one above. */
  readonly dark_style_url: string | null;
}

/** Where dispatchers sign in: an OIDC issuer, and a public client of it. */
export interface SignInConfig {
  readonly issuer: string;
  readonly client_id: string;
  readonly scope: string;
}

export interface Config {
  readonly server_url: string;
  readonly websocket_url: string;
  /** Null: there is no map. */
  readonly map: MapConfig | null;
  /** Null: there is no sign-in to the console. */
  readonly sign_in: SignInConfig | null;
}

/**
 * Reads the configuration.
 *
 * @throws Error when it can't be had or is not of this form.
 */
export async function loadConfig(): Promise<Config> {
  const response = await fetch('config.json', { credentials: 'same-origin' });
  if (!response.ok) throw new Error(`config.json: HTTP ${response.status}`);
  const { server_url, websocket_url, map, sign_in } = await response.json();
  if (typeof server_url !== 'string' || typeof websocket_url !== 'string') {
    throw new Error('config.json lacks server_url or websocket_url');
  }
  const hasSignIn = typeof sign_in?.issuer === 'string' && typeof sign_in.client_id === 'string';
  return {
    server_url,
    websocket_url,
    map: typeof map?.style_url === 'string' ? map : null,
    sign_in: hasSignIn ? { ...sign_in, scope: sign_in.scope ?? 'openid' } : null,
  };
}
