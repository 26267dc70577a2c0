import { useEffect, useState } from 'preact/hooks';
import { type Alerts, AlertWatch, alertView, LOOK_MS, NO_ALERTS } from './alerts.js';
import { FleetClient } from './fleet_client.js';
import type { Service } from './service.js';

/** The alerts of the whole fleet, on a connection of their own; also while the page is hidden. */
export function useAlerts(webSocketUrl: string, service: Service): Alerts {
  const [alerts, setAlerts] = useState<Alerts>(NO_ALERTS);
  useEffect(() => {
    const watch = new AlertWatch();
    let turns: ReturnType<typeof setTimeout> | undefined;
    let isOver = false;
    const show = () => {
      const now = watch.now(Date.now());
      // What was added stays said until something else is.
      setAlerts((before) => (now.added.length > 0 ? now : { ...now, added: before.added }));
    };
    const readArrivals = async () => {
      for (const id of watch.toRead) {
        const read = await service.delivery(id);
        if (isOver) return;
        if ('value' in read) watch.arrivedSince(id, read.value.sinceMs);
      }
      show();
    };
    const turn = () => {
      turns = undefined;
      client.show(watch.turn());
    };
    const client = new FleetClient({
      webSocketUrl,
      service,
      view: alertView(watch.kind),
      whileHidden: true,
      onReport(report) {
        if (!watch.update(report)) return;
        if (turns === undefined) {
          turns = setTimeout(turn, LOOK_MS);
          if (watch.kind === 'arrived') void readArrivals();
        }
        show();
      },
    });
    client.start();
    return () => {
      isOver = true;
      clearTimeout(turns);
      client.stop();
    };
  }, [webSocketUrl, service]);
  return alerts;
}
