/** Keeps the report of one share current while the page is visible. */

import { DeliveryTracker, type Report, shareAccess } from '@rtdts/client';
import type { Config } from '../shared/config.js';

/**
 * Follows the share; nothing is connected while the page is hidden.
 *
 * @returns What ends it.
 */
export function followShare(
  config: Config,
  token: string,
  onReport: (report: Report) => void,
): () => void {
  const tracker = new DeliveryTracker({
    webSocketUrl: config.websocket_url,
    access: shareAccess({ serverUrl: config.server_url, token }),
    onReport,
  });
  const seen = () => (document.hidden ? tracker.pause() : tracker.resume());
  const left = () => tracker.pause();
  const online = () => tracker.check();
  document.addEventListener('visibilitychange', seen);
  window.addEventListener('pagehide', left); // also into the back-forward cache
  window.addEventListener('pageshow', seen);
  window.addEventListener('online', online);
  tracker.start();
  if (document.hidden) tracker.pause();
  return () => {
    document.removeEventListener('visibilitychange', seen);
    window.removeEventListener('pagehide', left);
    window.removeEventListener('pageshow', seen);
    window.removeEventListener('online', online);
    tracker.stop();
  };
}

/** The token in the URL's fragment, which no server sees; null when there is none. */
export function tokenOf(hash: string): string | null {
  const token = hash.replace(/^#/, '');
  return /^[A-Za-z0-9._~-]{1,256}$/.test(token) ? token : null;
}
