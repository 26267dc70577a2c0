import type { Report } from '@rtdts/client';
import { useEffect, useState } from 'preact/hooks';
import type { Config } from '../shared/config.js';
import { useHash, useIsOnline, useNowMs } from '../shared/hooks.js';
import { chooseLanguage } from '../shared/language.js';
import { MapPanel } from './map_panel.js';
import { pageState } from './page_state.js';
import { History, Notices, Places, Progress, Status } from './parts.js';
import { texts } from './texts.js';
import { followShare, tokenOf } from './tracking.js';

/** The customer's page: the status as text, then the map. */
export function App({ config: configPromise }: { config: Promise<Config> }) {
  const [config, setConfig] = useState<Config | null>(null);
  const [configFailed, setConfigFailed] = useState(false);
  const [report, setReport] = useState<Report | null>(null);
  const [language, setLanguage] = useState(chooseLanguage);
  const token = tokenOf(useHash());
  const nowMs = useNowMs();
  const isOnline = useIsOnline();
  const t = texts[language];

  useEffect(() => {
    configPromise.then(setConfig, () => setConfigFailed(true));
  }, [configPromise]);

  useEffect(() => {
    setReport(null);
    if (config && token) return followShare(config, token, setReport);
    return undefined;
  }, [config, token]);

  useEffect(() => {
    document.documentElement.lang = language;
    document.title = t.title;
  }, [language, t]);

  const state = pageState({ report, hasToken: token !== null, configFailed, isOnline, nowMs });
  const props = { state, t, language, nowMs };
  return (
    <>
      <header>
        <h1>{t.title}</h1>
        <button
          type="button"
          lang={language === 'en' ? 'ko' : 'en'}
          onClick={() => setLanguage(language === 'en' ? 'ko' : 'en')}
        >
          {t.otherLanguage}
        </button>
      </header>
      <main>
        <section class="status">
          <Status {...props} />
          <Notices {...props} />
          {state.link === 'shown' && <Progress {...props} />}
        </section>
        {state.link === 'shown' && (
          <>
            {config?.map && report && (
              <MapPanel config={config.map} report={report} status={state.status} t={t} />
            )}
            <section class="more">
              <History {...props} />
              <Places summary={report?.summary ?? null} t={t} />
            </section>
          </>
        )}
      </main>
    </>
  );
}
