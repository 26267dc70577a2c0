import type { Status as DeliveryStatus, Summary } from '@rtdts/client';
import { ageOf, distanceOf, timeOf } from '../shared/format.js';
import type { Language } from '../shared/language.js';
import { isBeforePickup, type PageState } from './page_state.js';
import { type Texts, textOf } from './texts.js';

interface Props {
  readonly state: PageState;
  readonly t: Texts;
  readonly language: Language;
  readonly nowMs: number;
}

/** The status and the expected time. Screen readers announce only changes of the status. */
export function Status({ state, t, language, nowMs }: Props) {
  const time = (instant: string | number) => timeOf(instant, language, nowMs);
  const since = state.steps.at(-1);
  return (
    <>
      <div role="status" aria-live="polite">
        <p class="headline" data-status={state.status ?? ''}>
          {headline(state, t)}
        </p>
        {state.link === 'invalid' && <p>{t.linkInvalidHint}</p>}
        {state.status === 'failed' && (
          <p class="failure">{textOf(t.failure, state.failure, 'other')}</p>
        )}
      </div>
      {since && state.link === 'shown' && (
        <p class="muted">
          <time dateTime={since.at}>{t.since(time(since.at))}</time>
        </p>
      )}
      {state.eta && (
        <div class="eta">
          <p class="muted">{t.arrives}</p>
          <p class="range">{t.between(time(state.eta.earliest), time(state.eta.latest))}</p>
          {state.etaIsWide && <p class="muted">{t.etaWide}</p>}
        </div>
      )}
      {state.noEta && <p class="muted">{t.noEta[state.noEta]}</p>}
      {state.window && (
        <p class="window">{t.window(time(state.window.start), time(state.window.end))}</p>
      )}
      {state.isLate && <p class="notice">{t.late}</p>}
      <p class="facts">
        {state.remaining_m !== null && (
          <span>{t.remaining(distanceOf(state.remaining_m, language))}</span>
        )}
        {state.stopsBefore !== null && <span class="stops">{t.stops(state.stopsBefore)}</span>}
        {state.age_s !== null && (
          <span class="age" data-age-s={state.age_s.toFixed(1)}>
            {t.positionAge(ageOf(state.age_s, language, t))}
          </span>
        )}
        {state.age_s === null && isBeforePickup(state.status) && <span>{t.notShown}</span>}
      </p>
    </>
  );
}

/** Problems of the connection and the position. Screen readers announce them. */
export function Notices({ state, t, language, nowMs }: Props) {
  const time = (instant: string | number) => timeOf(instant, language, nowMs);
  const asOf = state.trueAsOfMs === null ? null : time(state.trueAsOfMs);
  const lines: string[] = [];
  if (state.connection === 'no_network') lines.push(asOf ? t.noNetwork(asOf) : t.offlineAtStart);
  if (state.connection === 'lost') lines.push(asOf ? t.lost(asOf) : t.never);
  if (state.connection === 'ended' && state.link === 'shown') {
    lines.push(textOf(t.ended, state.endReason, 'other'));
  }
  if (state.staleSince) lines.push(t.stale(time(state.staleSince)));
  else if (state.isOld) lines.push(t.old);
  return (
    <div role="status" aria-live="polite" class="notices" data-connection={state.connection}>
      {lines.map((line) => (
        <p class="notice" key={line}>
          {line}
        </p>
      ))}
    </div>
  );
}

const STEP_OF: Record<DeliveryStatus, number> = {
  assigned: 0,
  en_route_to_pickup: 1,
  at_pickup: 1,
  in_transit: 2,
  nearby: 2,
  arrived: 2,
  delivered: 3,
  failed: -1,
  cancelled: -1,
};

/** The delivery's progress, in four steps. */
export function Progress({ state, t }: Props) {
  const reached = state.status === null ? 0 : (STEP_OF[state.status] ?? 0);
  if (reached < 0) return null;
  return (
    <ol class="progress" aria-label={t.stepsLabel}>
      {t.steps.map((step, i) => (
        <li
          key={step}
          class={i <= reached ? 'done' : ''}
          {...(i === reached ? { 'aria-current': 'step' as const } : {})}
        >
          {step}
        </li>
      ))}
    </ol>
  );
}

/** All statuses with their times, newest first. */
export function History({ state, t, language, nowMs }: Props) {
  if (state.steps.length === 0) return null;
  return (
    <>
      <h2>{t.history}</h2>
      <ol class="history">
        {[...state.steps].reverse().map((step) => (
          <li key={`${step.status} ${step.at}`} data-status={step.status}>
            <span>{statusWord(step.status, t)}</span>{' '}
            <time dateTime={step.at}>{timeOf(step.at, language, nowMs)}</time>
          </li>
        ))}
      </ol>
    </>
  );
}

/** The names of origin and destination, if they have any. */
export function Places({ summary, t }: { summary: Summary | null; t: Texts }) {
  const from = summary?.origin?.name;
  const to = summary?.destination?.name;
  if (!from && !to) return null;
  return (
    <>
      <h2>{t.places}</h2>
      <dl class="places">
        {from && (
          <div>
            <dt>{t.origin}</dt>
            <dd>{from}</dd>
          </div>
        )}
        {to && (
          <div>
            <dt>{t.destination}</dt>
            <dd>{to}</dd>
          </div>
        )}
      </dl>
    </>
  );
}

function headline(state: PageState, t: Texts): string {
  if (state.link === 'shown') return statusWord(state.status, t);
  if (state.link === 'missing') return t.linkMissing;
  if (state.link === 'invalid') return t.linkInvalid;
  if (state.link === 'unavailable') return t.unavailable;
  return t.connecting;
}

function statusWord(status: DeliveryStatus | null, t: Texts): string {
  return status !== null && Object.hasOwn(t.status, status) ? t.status[status] : t.unknownStatus;
}
