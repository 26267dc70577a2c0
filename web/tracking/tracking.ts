import { type Report, shareAccess } from '@rtdts/client';
import type { Config } from '../shared/config.js';
import { follow } from '../shared/follow.js';

/**
 * Tracks the share's delivery while the page is visible.
 *
 * @returns A function that stops the tracking.
 */
export function followShare(
  config: Config,
  token: string,
  onReport: (report: Report) => void,
): () => void {
  const access = shareAccess({ serverUrl: config.server_url, token });
  return follow(config.websocket_url, access, onReport);
}

/** Returns the token in the URL's fragment, which browsers send to no server; null if none. */
export function tokenOf(hash: string): string | null {
  const token = hash.replace(/^#/, '');
  return /^[A-Za-z0-9._~-]{1,256}$/.test(token) ? token : null;
}
