/**
 * Decides what a viewer's connection does next. It does no I/O and reads no clock: `client.ts`
 * hands it each input and carries out the actions that it returns.
 *
 * The gateway ends a connection after 2 hours. Before that another one is opened beside it, and the
 * old one is closed when the new one has brought a snapshot, so that nothing is missed.
 */

import { type Backoff, backoffMs } from './backoff.js';
import { type DeliveryEvent, parseMessage } from './messages.js';
import { applyMessage, completeThrough, type DeliveryView, emptyView } from './view.js';

/** How a ticket could not be had. */
export type TicketFailure =
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'unavailable'; readonly retryAfterMs: number | null };

export type SessionInput =
  | { readonly type: 'start' | 'pause' | 'resume' | 'stop' | 'check' | 'wake' }
  | {
      readonly type: 'ticket';
      readonly id: number;
      readonly ticket: string;
      readonly deliveryId: string;
    }
  | { readonly type: 'no_ticket'; readonly id: number; readonly failure: TicketFailure }
  | { readonly type: 'open' | 'closed'; readonly id: number }
  | { readonly type: 'frame'; readonly id: number; readonly frame: string };

export type Action =
  | { readonly type: 'fetch_ticket'; readonly id: number }
  | { readonly type: 'open'; readonly id: number; readonly ticket: string }
  | { readonly type: 'send'; readonly id: number; readonly frame: string }
  | { readonly type: 'close'; readonly id: number }
  | { readonly type: 'report'; readonly report: SessionReport };

export type ConnectionState = 'connecting' | 'live' | 'offline' | 'paused' | 'ended';

/** What an application shows. */
export interface SessionReport {
  /** Null until the service has sent a message. */
  readonly delivery: DeliveryView | null;
  readonly connection: ConnectionState;
  /** Why the connection has ended for good: the service's reason. */
  readonly endReason: string | null;
  /** When, by this device's clock in epoch ms, the service last confirmed what is shown. */
  readonly trueAsOfMs: number | null;
  /** When, by this device's clock in epoch ms, the truck was at `delivery.position`. */
  readonly positionMs: number | null;
  /** What this report adds; nothing is reported twice. */
  readonly changes: { readonly events: readonly DeliveryEvent[]; readonly position: boolean };
}

export interface Timing extends Backoff {
  /** From opening a connection to replacing it. The gateway's limit is 2 h. */
  readonly replaceAfterMs: number;
  /** So much earlier at most, at random: clients that connected together part. */
  readonly replaceJitterMs: number;
  /** Of silence, before a ping. A round comes every 60 s. */
  readonly heartbeatMs: number;
  /** For the response to a ping. */
  readonly pongWithinMs: number;
  /** Without news of the delivery, before the connection counts as dead. */
  readonly silenceMs: number;
  /** From the request of a ticket to the first snapshot. */
  readonly attemptMs: number;
  /** A connection that lived so long sets the backoff back. */
  readonly steadyMs: number;
  /** Before another socket when the service said that there were too many. */
  readonly tooManyMs: number;
}

export const DEFAULT_TIMING: Timing = {
  firstMs: 500,
  maxMs: 20_000,
  replaceAfterMs: 110 * 60_000,
  replaceJitterMs: 10 * 60_000,
  heartbeatMs: 63_000,
  pongWithinMs: 10_000,
  silenceMs: 75_000,
  attemptMs: 30_000,
  steadyMs: 30_000,
  tooManyMs: 60_000,
};

interface Attempt {
  readonly id: number;
  readonly startedMs: number;
  readonly isOpen: boolean;
}

interface Live {
  readonly id: number;
  readonly sinceMs: number;
  readonly replaceAtMs: number;
  /** Any frame. */
  lastFrameMs: number;
  /** A frame about the delivery. */
  lastUpdateMs: number;
  pingedMs: number | null;
}

const NOTHING = { events: [], position: false } as const;

export class Session {
  #state: 'new' | 'running' | 'paused' | 'ended' = 'new';
  #view: DeliveryView | null = null;
  #endReason: string | null = null;
  #trueAsOfMs: number | null = null;
  #positionMs: number | null = null;
  #attempt: Attempt | null = null;
  #live: Live | null = null;
  #retryAtMs: number | null = null;
  #failures = 0;
  #lastId = 0;
  #requestedThrough = -1;
  #actions: Action[] = [];

  readonly #timing: Timing;
  readonly #random: () => number;

  constructor(timing: Timing = DEFAULT_TIMING, random: () => number = Math.random) {
    this.#timing = timing;
    this.#random = random;
  }

  /** Processes an input at `nowMs` (epoch ms); returns what to do, in order. */
  on(input: SessionInput, nowMs: number): readonly Action[] {
    this.#actions = [];
    const before = this.#connection();
    this.#handle(input, nowMs);
    this.#runDue(nowMs);
    const reported = this.#actions.some((action) => action.type === 'report');
    if (!reported && this.#connection() !== before) this.#report(NOTHING);
    return this.#actions;
  }

  /** When to send `wake` at the latest, in epoch ms; null: there is nothing to wait for. */
  get wakeAtMs(): number | null {
    const times: number[] = [];
    if (this.#state === 'running') {
      if (this.#retryAtMs !== null) times.push(this.#retryAtMs);
      if (this.#attempt) times.push(this.#attempt.startedMs + this.#timing.attemptMs);
      if (this.#live) {
        const { lastFrameMs, lastUpdateMs, pingedMs, replaceAtMs } = this.#live;
        times.push(lastUpdateMs + this.#timing.silenceMs);
        times.push(
          pingedMs === null
            ? lastFrameMs + this.#timing.heartbeatMs
            : pingedMs + this.#timing.pongWithinMs,
        );
        if (!this.#attempt && this.#retryAtMs === null) times.push(replaceAtMs);
      }
    }
    return times.length > 0 ? Math.min(...times) : null;
  }

  #handle(input: SessionInput, nowMs: number): void {
    switch (input.type) {
      case 'start':
        if (this.#state === 'new') this.#begin(nowMs);
        break;
      case 'resume':
        if (this.#state === 'paused') this.#begin(nowMs);
        break;
      case 'pause':
        if (this.#state !== 'running') break;
        this.#disconnect();
        this.#state = 'paused';
        break;
      case 'stop':
        if (this.#state !== 'ended') this.#end('stopped');
        break;
      case 'check':
        this.#check(nowMs);
        break;
      case 'ticket':
        if (this.#attempt?.id !== input.id) break;
        this.#setDelivery(input.deliveryId, nowMs);
        this.#actions.push({ type: 'open', id: input.id, ticket: input.ticket });
        break;
      case 'no_ticket':
        if (this.#attempt?.id !== input.id) break;
        if (input.failure.kind === 'refused') this.#end(input.failure.reason);
        else this.#fail(nowMs, input.failure.retryAfterMs ?? 0);
        break;
      case 'open':
        if (this.#attempt?.id !== input.id) break;
        this.#attempt = { ...this.#attempt, isOpen: true };
        this.#track(input.id);
        break;
      case 'closed':
        this.#connectionLost(input.id, nowMs);
        break;
      case 'frame':
        this.#receive(input.id, input.frame, nowMs);
        break;
      case 'wake':
        break;
    }
  }

  /** What has come due. */
  #runDue(nowMs: number): void {
    if (this.#state !== 'running') return;
    const live = this.#live;
    if (live) {
      const isPongOverdue =
        live.pingedMs !== null && nowMs >= live.pingedMs + this.#timing.pongWithinMs;
      if (isPongOverdue || nowMs >= live.lastUpdateMs + this.#timing.silenceMs) {
        this.#actions.push({ type: 'close', id: live.id });
        this.#connectionLost(live.id, nowMs);
      } else if (live.pingedMs === null && nowMs >= live.lastFrameMs + this.#timing.heartbeatMs) {
        this.#ping(live, nowMs);
      }
    }
    if (this.#attempt && nowMs >= this.#attempt.startedMs + this.#timing.attemptMs) {
      this.#actions.push({ type: 'close', id: this.#attempt.id });
      this.#fail(nowMs, 0);
    }
    const isDue = this.#retryAtMs !== null && nowMs >= this.#retryAtMs;
    const isOld =
      this.#retryAtMs === null && this.#live !== null && nowMs >= this.#live.replaceAtMs;
    if (!this.#attempt && (isDue || isOld)) this.#startAttempt(nowMs);
  }

  #begin(nowMs: number): void {
    this.#state = 'running';
    this.#failures = 0;
    this.#startAttempt(nowMs);
  }

  #startAttempt(nowMs: number): void {
    this.#retryAtMs = null;
    this.#lastId += 1;
    this.#attempt = { id: this.#lastId, startedMs: nowMs, isOpen: false };
    this.#actions.push({ type: 'fetch_ticket', id: this.#lastId });
  }

  #fail(nowMs: number, atLeastMs: number): void {
    this.#attempt = null;
    this.#failures += 1;
    const waitMs = Math.max(atLeastMs, backoffMs(this.#failures, this.#random(), this.#timing));
    this.#retryAtMs = nowMs + waitMs;
  }

  #connectionLost(id: number, nowMs: number): void {
    if (this.#attempt?.id === id) {
      this.#fail(nowMs, 0);
    } else if (this.#live?.id === id) {
      if (nowMs - this.#live.sinceMs >= this.#timing.steadyMs) this.#failures = 0;
      this.#live = null;
      if (!this.#attempt && this.#retryAtMs === null) this.#fail(nowMs, 0);
    }
  }

  /** The network may have changed, or the device slept: is the connection alive? */
  #check(nowMs: number): void {
    if (this.#state !== 'running') return;
    if (this.#live) {
      if (this.#live.pingedMs === null) this.#ping(this.#live, nowMs);
    } else if (!this.#attempt && this.#failures > 0) {
      this.#failures = 0;
      this.#startAttempt(nowMs);
    }
  }

  #ping(live: Live, nowMs: number): void {
    live.pingedMs = nowMs;
    this.#actions.push({ type: 'send', id: live.id, frame: '{"action":"ping"}' });
  }

  #track(id: number): void {
    const since = this.#view ? completeThrough(this.#view) : 0;
    this.#requestedThrough = since;
    const request = { action: 'track', delivery_id: this.#view?.delivery_id, since_version: since };
    this.#actions.push({ type: 'send', id, frame: JSON.stringify(request) });
  }

  #setDelivery(deliveryId: string, nowMs: number): void {
    if (this.#view?.delivery_id !== deliveryId) this.#view = emptyView(deliveryId);
    this.#trueAsOfMs = nowMs;
    this.#report(NOTHING);
  }

  #receive(id: number, frame: string, nowMs: number): void {
    const live = this.#live?.id === id ? this.#live : null;
    if (live) {
      live.lastFrameMs = nowMs;
      live.pingedMs = null;
    } else if (this.#attempt?.id !== id) {
      return;
    }
    const message = parseMessage(frame);
    if (message === null || message.type === 'pong' || this.#view === null) return;
    if (message.type === 'error') {
      this.#receiveError(id, message.reason, message.delivery_id, nowMs);
      return;
    }
    if (message.delivery_id !== this.#view.delivery_id) return;
    const applied = applyMessage(this.#view, message);
    const { position } = applied.view;
    if (position !== this.#view.position) {
      this.#positionMs = position && nowMs - position.age_s * 1000;
    }
    this.#view = applied.view;
    if (applied.view.ended !== null) {
      this.#receiveEnd(id, applied.view.ended, nowMs);
      return;
    }
    if (message.type === 'snapshot' && this.#attempt?.id === id)
      this.#promote(this.#attempt, nowMs);
    if (this.#live?.id === id) this.#live.lastUpdateMs = nowMs;
    const isConfirmed = !applied.stale;
    if (isConfirmed) this.#trueAsOfMs = nowMs;
    const { events, newPosition, newVersion } = applied;
    if (events.length > 0 || newPosition || newVersion || isConfirmed) {
      this.#report({ events, position: newPosition });
    }
    const complete = completeThrough(applied.view);
    if (complete < applied.view.version && this.#requestedThrough < complete) this.#track(id);
    else if (newVersion && complete < applied.view.version) this.#track(id);
  }

  #promote(attempt: Attempt, nowMs: number): void {
    const old = this.#live;
    const jitterMs = this.#random() * this.#timing.replaceJitterMs;
    this.#live = {
      id: attempt.id,
      sinceMs: nowMs,
      replaceAtMs: nowMs + this.#timing.replaceAfterMs - jitterMs,
      lastFrameMs: nowMs,
      lastUpdateMs: nowMs,
      pingedMs: null,
    };
    this.#attempt = null;
    if (old) {
      this.#failures = 0;
      this.#actions.push({ type: 'close', id: old.id });
    }
  }

  #receiveError(id: number, reason: string, delivery: string | undefined, nowMs: number): void {
    if (reason === 'too_many' && delivery === undefined) {
      this.#actions.push({ type: 'close', id });
      if (this.#live?.id === id) this.#live = null;
      this.#fail(nowMs, this.#timing.tooManyMs);
    } else if (reason === 'not_found' && delivery === this.#view?.delivery_id) {
      this.#end(reason);
    } else if (this.#attempt?.id === id) {
      this.#actions.push({ type: 'close', id });
      this.#fail(nowMs, 0);
    }
  }

  #receiveEnd(id: number, reason: string, nowMs: number): void {
    if (reason !== 'token_expired') {
      this.#trueAsOfMs = nowMs;
      this.#end(reason);
      return;
    }
    // The right may well go on: another ticket shows it.
    if (this.#view) this.#view = { ...this.#view, ended: null };
    this.#actions.push({ type: 'close', id });
    this.#connectionLost(id, nowMs);
  }

  #end(reason: string): void {
    this.#disconnect();
    this.#state = 'ended';
    this.#endReason = reason;
    this.#report(NOTHING);
  }

  #disconnect(): void {
    if (this.#attempt) this.#actions.push({ type: 'close', id: this.#attempt.id });
    if (this.#live) this.#actions.push({ type: 'close', id: this.#live.id });
    this.#attempt = null;
    this.#live = null;
    this.#retryAtMs = null;
  }

  #connection(): ConnectionState {
    if (this.#state === 'ended' || this.#state === 'paused') return this.#state;
    if (this.#live) return 'live';
    return this.#failures === 0 ? 'connecting' : 'offline';
  }

  #report(changes: SessionReport['changes']): void {
    this.#actions.push({
      type: 'report',
      report: {
        delivery: this.#view,
        connection: this.#connection(),
        endReason: this.#endReason,
        trueAsOfMs: this.#trueAsOfMs,
        positionMs: this.#positionMs,
        changes,
      },
    });
  }
}
