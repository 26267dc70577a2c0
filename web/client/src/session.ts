/**
 * Decides what a viewer's connection does next. It does no I/O and reads no clock: `client.ts`
 * passes each input to it and runs the actions that it returns.
 *
 * The gateway ends a connection after 2 hours. Before that, the session opens the next connection,
 * and closes the old one when the new one has received a snapshot, so that no message is missed.
 */

import { type Backoff, backoffMs } from './backoff.js';
import { type DeliveryEvent, parseMessage } from './messages.js';
import { applyMessage, completeThrough, type DeliveryView, emptyView } from './view.js';

/** Why no ticket was issued. */
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

/** What is known about the delivery and its connection. */
export interface SessionReport {
  /** Null until the first ticket. Its `version` is 0 until the first message. */
  readonly delivery: DeliveryView | null;
  readonly connection: ConnectionState;
  /** The service's reason for ending the tracking; null before its end. */
  readonly endReason: string | null;
  /** When the service last confirmed this data, by this device's clock, in epoch ms. */
  readonly trueAsOfMs: number | null;
  /** When the truck was at `delivery.position`, by this device's clock, in epoch ms. */
  readonly positionMs: number | null;
  /** What this report adds to earlier ones. Each event is reported exactly once. */
  readonly changes: { readonly events: readonly DeliveryEvent[]; readonly position: boolean };
}

/** The limits and waits of a session, all in milliseconds. */
export interface Timing extends Backoff {
  /** From a connection's first snapshot to its replacement. The gateway's limit is 2 h. */
  readonly replaceAfterMs: number;
  /**
   * The replacement comes earlier by up to this, at random, to spread clients that connected
   * together.
   */
  readonly replaceJitterMs: number;
  /** Silence before a ping. A round comes every 60 s. */
  readonly heartbeatMs: number;
  /** The longest wait for the pong. */
  readonly pongWithinMs: number;
  /** Time without a frame about the delivery before the connection counts as dead. */
  readonly silenceMs: number;
  /** The longest time from the request for a ticket to the first snapshot. */
  readonly attemptMs: number;
  /** A connection that lived this long resets the backoff. */
  readonly steadyMs: number;
  /** The wait before another socket after the service reported too many. */
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
  /** When the last frame of any kind was received. */
  lastFrameMs: number;
  /** When the last frame about the delivery was received. */
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

  /** Processes an input at `nowMs` (epoch ms), and returns the actions to run, in order. */
  on(input: SessionInput, nowMs: number): readonly Action[] {
    this.#actions = [];
    const before = this.#connection();
    this.#handle(input, nowMs);
    this.#runDue(nowMs);
    const reported = this.#actions.some((action) => action.type === 'report');
    if (!reported && this.#connection() !== before) this.#report(NOTHING);
    return this.#actions;
  }

  /** The latest time for the next `wake` input, in epoch ms; null if nothing is scheduled. */
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

  /** Applies timeouts and limits, sends a ping, and starts an attempt, each if it is due. */
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

  #fail(nowMs: number, minWaitMs: number): void {
    this.#attempt = null;
    this.#failures += 1;
    const waitMs = Math.max(minWaitMs, backoffMs(this.#failures, this.#random(), this.#timing));
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

  /** Checks the connection after the network may have changed or the device has slept. */
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
    // The right to view may outlast the token: the next ticket request decides.
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
