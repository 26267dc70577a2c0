import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Config } from '../shared/config.js';
import { chooseLanguage } from '../shared/language.js';
import { FleetView } from './fleet_panel.js';
import { SignIn, thisTab } from './sign_in.js';
import { ENDS_SOON_MS, type Session, type SignInProblem } from './sign_in_flow.js';
import { texts } from './texts.js';

type Stage = 'loading' | 'unavailable' | 'signed_out' | 'signed_in';

/** The dispatcher's console: sign-in, then the fleet. */
export function App({ config: configPromise }: { config: Promise<Config> }) {
  const [config, setConfig] = useState<Config | null>(null);
  const [stage, setStage] = useState<Stage>('loading');
  const [session, setSession] = useState<Session | null>(null);
  const [problem, setProblem] = useState<SignInProblem | 'session_ended' | null>(null);
  const [language, setLanguage] = useState(chooseLanguage);
  const [alertCount, setAlertCount] = useState(0);
  const t = texts[language];
  const signIn = useMemo(
    () => (config?.sign_in ? new SignIn(config.sign_in, thisTab()) : null),
    [config],
  );

  useEffect(() => {
    configPromise.then(setConfig, () => setStage('unavailable'));
  }, [configPromise]);

  useEffect(() => {
    if (!config) return;
    if (!signIn) {
      setStage('signed_out');
      return;
    }
    void signIn.resume().then((resumed) => {
      setSession(resumed.session);
      setProblem(resumed.problem);
      setStage(resumed.session ? 'signed_in' : 'signed_out');
    });
  }, [config, signIn]);

  useEffect(() => {
    document.documentElement.lang = language;
    // While another tab is open, only the title is visible.
    document.title = session && alertCount > 0 ? `(${alertCount}) ${t.title}` : t.title;
  }, [language, t, session, alertCount]);

  const signOut = (reason: 'session_ended' | null) => {
    signIn?.signOut();
    setSession(null);
    setProblem(reason);
    setStage('signed_out');
  };

  useEffect(() => {
    if (!session) return undefined;
    const delayMs = Math.min(2 ** 31 - 1, session.endsAtMs - ENDS_SOON_MS - Date.now());
    const timer = setTimeout(() => signOut('session_ended'), Math.max(0, delayMs));
    return () => clearTimeout(timer);
  }, [session]);

  const start = () => {
    setProblem(null);
    signIn?.start().catch(() => setProblem('issuer'));
  };
  return (
    <>
      <header>
        <h1>{t.title}</h1>
        <div class="buttons">
          {session && (
            <>
              <span class="muted">{t.signedInAs(session.subject)}</span>
              <button type="button" onClick={() => signOut(null)}>
                {t.signOut}
              </button>
            </>
          )}
          <button
            type="button"
            lang={language === 'en' ? 'ko' : 'en'}
            onClick={() => setLanguage(language === 'en' ? 'ko' : 'en')}
          >
            {t.otherLanguage}
          </button>
        </div>
      </header>
      <main data-stage={stage}>
        {stage === 'loading' && <p role="status">{t.loading}</p>}
        {stage === 'unavailable' && <p role="alert">{t.unavailable}</p>}
        {stage === 'signed_out' && (
          <section class="sign-in">
            {problem && (
              <p class="notice" role="alert">
                {problem === 'session_ended' ? t.sessionEnded : t.problem[problem]}
              </p>
            )}
            <p>{signIn ? t.signInHint : t.noSignIn}</p>
            {signIn && (
              <button type="button" class="primary" onClick={start}>
                {t.signIn}
              </button>
            )}
          </section>
        )}
        {stage === 'signed_in' && config && session && (
          <FleetView
            config={config}
            session={session}
            language={language}
            t={t}
            onAlerts={setAlertCount}
            onSignedOut={() => signOut('session_ended')}
          />
        )}
      </main>
    </>
  );
}
