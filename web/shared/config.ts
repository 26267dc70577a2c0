/** The page's configuration: `config.json` next to it, which the deployment writes. */

export interface MapConfig {
  /** URL of a MapLibre style. Its sources may be `pmtiles://` and a URL relative to the style. */
  readonly style_url: string;
  /** The style for dark mode; null if it is the same. */
  readonly dark_style_url: string | null;
}

/** The OIDC issuer at which dispatchers sign in, and its public client. */
export interface SignInConfig {
  readonly issuer: string;
  readonly client_id: string;
  readonly scope: string;
}

export interface Config {
  readonly server_url: string;
  readonly websocket_url: string;
  /** Null if the pages show no map. */
  readonly map: MapConfig | null;
  /** Null if the console has no sign-in. */
  readonly sign_in: SignInConfig | null;
}

/**
 * Loads the configuration.
 *
 * @throws Error if it can't be fetched or has no URLs of the service.
 */
export async function loadConfig(): Promise<Config> {
  const response = await fetch('config.json', { credentials: 'same-origin' });
  if (!response.ok) throw new Error(`config.json: HTTP ${response.status}`);
  const { server_url, websocket_url, map, sign_in } = await response.json();
  if (typeof server_url !== 'string' || typeof websocket_url !== 'string') {
    throw new Error('config.json has no server_url or no websocket_url');
  }
  const hasSignIn = typeof sign_in?.issuer === 'string' && typeof sign_in.client_id === 'string';
  return {
    server_url,
    websocket_url,
    map: typeof map?.style_url === 'string' ? map : null,
    sign_in: hasSignIn ? { ...sign_in, scope: sign_in.scope ?? 'openid' } : null,
  };
}
