import { type Access, DeliveryTracker, type Report } from '@rtdts/client';

/**
 * Tracks one delivery while the page is visible. While the page is hidden, it is disconnected.
 *
 * @returns A function that stops the tracking.
 */
export function follow(
  webSocketUrl: string,
  access: Access,
  onReport: (report: Report) => void,
): () => void {
  const tracker = new DeliveryTracker({ webSocketUrl, access, onReport });
  const onVisibilityChange = () => (document.hidden ? tracker.pause() : tracker.resume());
  const onPageHide = () => tracker.pause();
  const onOnline = () => tracker.check();
  document.addEventListener('visibilitychange', onVisibilityChange);
  window.addEventListener('pagehide', onPageHide); // also when entering the back-forward cache
  window.addEventListener('pageshow', onVisibilityChange);
  window.addEventListener('online', onOnline);
  tracker.start();
  if (document.hidden) tracker.pause();
  return () => {
    document.removeEventListener('visibilitychange', onVisibilityChange);
    window.removeEventListener('pagehide', onPageHide);
    window.removeEventListener('pageshow', onVisibilityChange);
    window.removeEventListener('online', onOnline);
    tracker.stop();
  };
}
