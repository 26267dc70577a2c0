/** Keeps the report of one delivery current while the page is visible. */

import { type Access, DeliveryTracker, type Report } from '@rtdts/client';

/**
 * Follows the delivery of an access; nothing is connected while the page is hidden.
 *
 * @returns What ends it.
 */
export function follow(
  webSocketUrl: string,
  access: Access,
  onReport: (report: Report) => void,
): () => void {
  const tracker = new DeliveryTracker({ webSocketUrl, access, onReport });
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
