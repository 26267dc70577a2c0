/** Decides what the page shows, based on the service's report. It has no texts and no layout. */

import { type Eta, isClosed, type Report, type Status } from '@rtdts/client';
import { newestOf, type Step } from './timeline.js';

/** A position older than this is marked as old, in ms. */
export const OLD_AFTER_MS = 150_000;

/** An ETA range longer than this is explained as wide, in ms. */
export const WIDE_AFTER_MS = 10 * 60_000;

export type Link = 'missing' | 'loading' | 'shown' | 'invalid' | 'unavailable';

/** Why no expected time is shown. */
export type NoEta = 'not_yet_loaded' | 'stale' | 'unknown';

export interface PageState {
  readonly link: Link;
  readonly status: Status | null;
  readonly steps: readonly Step[];
  readonly eta: Eta | null;
  readonly etaIsWide: boolean;
  /** Null if there is an ETA, or if the status has none. */
  readonly noEta: NoEta | null;
  readonly window: { readonly start: string; readonly end: string } | null;
  /** The whole ETA range is after the agreed window. */
  readonly isLate: boolean;
  readonly remaining_m: number | null;
  readonly stopsBefore: number | null;
  readonly failure: string | null;
  /** The age of the truck's position; null if no position is shown. */
  readonly age_s: number | null;
  readonly isOld: boolean;
  /** Since when the truck has sent only unusable positions; null if its last one was usable. */
  readonly staleSince: string | null;
  readonly connection: 'fine' | 'connecting' | 'lost' | 'no_network' | 'ended';
  /** The service's reason for ending the tracking. */
  readonly endReason: string | null;
  readonly trueAsOfMs: number | null;
}

const UNDER_WAY: readonly Status[] = ['in_transit', 'nearby'];
const BEFORE_PICKUP: readonly Status[] = ['assigned', 'en_route_to_pickup', 'at_pickup'];

export interface PageInputs {
  readonly report: Report | null;
  readonly hasToken: boolean;
  readonly configFailed: boolean;
  readonly isOnline: boolean;
  readonly nowMs: number;
}

export function pageState(inputs: PageInputs): PageState {
  const { report, hasToken, configFailed, isOnline, nowMs } = inputs;
  const { status, steps } = report ? newestOf(report) : { status: null, steps: [] };
  const delivery = report?.delivery ?? null;
  const summary = report?.summary ?? null;
  const isUnderWay = status !== null && UNDER_WAY.includes(status);
  const hasClosed = isClosed(status);
  const position = delivery?.position ?? null;
  const positionMs = report?.positionMs ?? null;
  const age_s = position && positionMs !== null ? Math.max(0, (nowMs - positionMs) / 1000) : null;
  const staleSince = hasClosed ? null : (position?.stale_since ?? null);
  const isOld = !hasClosed && age_s !== null && age_s * 1000 > OLD_AFTER_MS;
  const eta = isUnderWay && delivery?.eta ? remainingRange(delivery.eta, nowMs) : null;
  const window = hasClosed ? null : (summary?.window ?? null);
  const isKnown = (delivery?.version ?? 0) > 0;
  return {
    link: linkOf(report, hasToken, configFailed, status),
    status,
    steps,
    eta,
    etaIsWide: eta !== null && Date.parse(eta.latest) - Date.parse(eta.earliest) > WIDE_AFTER_MS,
    noEta:
      eta || !isUnderWay
        ? null
        : !isKnown
          ? 'not_yet_loaded'
          : staleSince || isOld
            ? 'stale'
            : 'unknown',
    window,
    isLate: eta !== null && window !== null && Date.parse(eta.earliest) > Date.parse(window.end),
    remaining_m: isUnderWay ? (delivery?.distance_remaining_m ?? null) : null,
    stopsBefore:
      hasClosed || status === 'arrived'
        ? null
        : isKnown
          ? (delivery?.stops_before ?? null)
          : (summary?.stops_before ?? null),
    failure: status === 'failed' ? (delivery?.failure_code ?? summary?.failure_code ?? null) : null,
    age_s: hasClosed ? null : age_s,
    isOld,
    staleSince,
    connection: connectionOf(report, isOnline),
    endReason: report?.endReason ?? null,
    trueAsOfMs: report?.trueAsOfMs ?? null,
  };
}

/** Whether the cargo is still to be picked up. */
export function isBeforePickup(status: Status | null): boolean {
  return status !== null && BEFORE_PICKUP.includes(status);
}

function linkOf(
  report: Report | null,
  hasToken: boolean,
  configFailed: boolean,
  status: Status | null,
): Link {
  if (!hasToken) return 'missing';
  if (status !== null) return 'shown';
  if (configFailed) return 'unavailable';
  if (report?.connection !== 'ended') return 'loading';
  return report.endReason === 'forbidden' ? 'unavailable' : 'invalid';
}

function connectionOf(report: Report | null, isOnline: boolean): PageState['connection'] {
  if (report?.connection === 'ended') return 'ended';
  if (!isOnline) return 'no_network';
  if (report === null || report.connection === 'connecting') return 'connecting';
  if (report.connection === 'offline') return 'lost';
  return 'fine';
}

/** Returns the part of the range that is not over yet; null if it is completely over. */
function remainingRange(eta: Eta, nowMs: number): Eta | null {
  if (Date.parse(eta.latest) <= nowMs) return null;
  if (Date.parse(eta.earliest) >= nowMs) return eta;
  return { earliest: new Date(nowMs).toISOString(), latest: eta.latest };
}
