/** Follows the delivery of one share. */

import { type Report, shareAccess } from '@rtdts/client';
import type { Config } from '../shared/config.js';
import { follow } from '../shared/follow.js';

/**
 * Follows the share while the page is visible.
 *
 * @returns What ends it.
 */
export function followShare(
  config: Config,
  token: string,
  onReport: (report: Report) => void,
): () => void {
  const access = shareAccess({ serverUrl: config.server_url, token });
  return follow(config.websocket_url, access, onReport);
}

/** The token in the URL's fragment, which no server sees; null when there is none. */
export function tokenOf(hash: string): string | null {
  const token = hash.replace(/^#/, '');
  return /^[A-Za-z0-9._~-]{1,256}$/.test(token) ? token : null;
}
