import { useEffect, useState } from 'preact/hooks';
import { type Alerts, AlertWatch, alertView, KIND_INTERVAL_MS, NO_ALERTS } from './alerts.js';
import { FleetClient } from './fleet_client.js';
import type { Service } from './service.js';

/** The alerts of the whole fleet, over a separate connection, even while the page is hidden. */
export function useAlerts(webSocketUrl: string, service: Service): Alerts {
  const [alerts, setAlerts] = useState<Alerts>(NO_ALERTS);
  useEffect(() => {
    const watch = new AlertWatch();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isStopped = false;
    const show = () => {
      const current = watch.current(Date.now());
      // Keep the newest alert announced until there is another.
      setAlerts((before) =>
        current.added.length > 0 ? current : { ...current, added: before.added },
      );
    };
    const readArrivals = async () => {
      for (const id of watch.unknownArrivals) {
        const read = await service.delivery(id);
        if (isStopped) return;
        if ('value' in read) watch.setArrival(id, read.value.sinceMs);
      }
      show();
    };
    const showNextKind = () => {
      timer = undefined;
      client.show(watch.nextView());
    };
    const client = new FleetClient({
      webSocketUrl,
      service,
      view: alertView(watch.kind),
      whileHidden: true,
      onReport(report) {
        if (!watch.update(report)) return;
        if (timer === undefined) {
          timer = setTimeout(showNextKind, KIND_INTERVAL_MS);
          if (watch.kind === 'arrived') void readArrivals();
        }
        show();
      },
    });
    client.start();
    return () => {
      isStopped = true;
      clearTimeout(timer);
      client.stop();
    };
  }, [webSocketUrl, service]);
  return alerts;
}
