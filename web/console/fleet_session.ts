/**
 * Decides how a view of the fleet is followed: connections, views and which snapshot is shown.
 *
 * Tickets, sockets, the time and random numbers are passed in. Each snapshot is complete, so lost
 * messages need no recovery.
 */

import { type Backoff, backoffMs, type TicketFailure } from '@rtdts/client';
import { type Fleet, fleetMessageOf } from './fleet_messages.js';
import { trackFleet, type View } from './fleet_view.js';

export type Connection = 'connecting' | 'live' | 'offline' | 'paused' | 'signed_out' | 'forbidden';

export interface FleetReport {
  readonly connection: Connection;
  /** The last snapshot, kept while there is no connection. */
  readonly fleet: Fleet | null;
  /** When it was received, by this device's clock, in epoch ms. */
  readonly fleetMs: number | null;
  /** Whether it is a snapshot of the last requested view. */
  readonly isCurrent: boolean;
}

export type SessionInput =
  | { readonly type: 'start' | 'pause' | 'check' | 'stop' | 'wake' }
  | { readonly type: 'view'; readonly view: View }
  | { readonly type: 'ticket'; readonly id: number; readonly ticket: string }
  | { readonly type: 'no_ticket'; readonly id: number; readonly failure: TicketFailure }
  | { readonly type: 'open' | 'closed'; readonly id: number }
  | { readonly type: 'frame'; readonly id: number; readonly frame: string };

export type Action =
  | { readonly type: 'fetch_ticket' | 'close'; readonly id: number }
  | { readonly type: 'open'; readonly id: number; readonly ticket: string }
  | { readonly type: 'send'; readonly id: number; readonly frame: string }
  | { readonly type: 'report'; readonly report: FleetReport };

/** The limits and waits of a session, all in ms. */
export const TIMING = {
  /** Time without a snapshot before the connection counts as dead. One comes every 10 s. */
  silenceMs: 25_000,
  /** Connect timeout, from the request for a ticket until the socket is open. */
  connectMs: 15_000,
  /** The shortest time between two requests for a view, while the map is dragged. */
  betweenViewsMs: 500,
  /** Time until a connection is replaced. The gateway ends it after two hours. */
  renewAfterMs: 100 * 60_000,
  /** The replacement comes later by up to this, at random, to spread clients. */
  renewJitterMs: 10 * 60_000,
  backoff: { firstMs: 500, maxMs: 20_000 } satisfies Backoff,
};

type Phase =
  | { readonly at: 'off' }
  | { readonly at: 'waiting'; readonly untilMs: number }
  | { readonly at: 'connecting'; readonly untilMs: number }
  | { readonly at: 'live'; readonly renewAtMs: number };

export class FleetSession {
  readonly #random: () => number;
  #phase: Phase = { at: 'off' };
  #connection: Connection = 'paused';
  /** The id of the newest connection. Inputs from other connections are ignored. */
  #id = 0;
  #failures = 0;
  #view: View;
  #viewNumber = 1;
  #sentNumber = 0;
  #sentMs = Number.NEGATIVE_INFINITY;
  #lastFrameMs = 0;
  #fleet: Fleet | null = null;
  #fleetMs: number | null = null;

  constructor(view: View, random: () => number) {
    this.#view = view;
    this.#random = random;
  }

  /** The time for the next `wake` input, in epoch ms; null if nothing is scheduled. */
  get wakeAtMs(): number | null {
    const phase = this.#phase;
    if (phase.at === 'off') return null;
    if (phase.at !== 'live') return phase.untilMs;
    const times = [phase.renewAtMs, this.#lastFrameMs + TIMING.silenceMs];
    if (this.#sentNumber !== this.#viewNumber) times.push(this.#sentMs + TIMING.betweenViewsMs);
    return Math.min(...times);
  }

  /** Processes an input at `nowMs` (epoch ms), and returns the actions to run, in order. */
  on(input: SessionInput, nowMs: number): Action[] {
    switch (input.type) {
      case 'start':
        return this.#phase.at === 'off' ? this.#connect(nowMs) : [];
      case 'stop':
      case 'pause':
        return this.#phase.at === 'off' ? [] : this.#end('paused');
      case 'check':
        return this.#phase.at === 'waiting' ? this.#connect(nowMs) : [];
      case 'wake':
        return this.#wake(nowMs);
      case 'view':
        this.#view = input.view;
        this.#viewNumber += 1;
        return [...this.#sendView(nowMs), this.#report()];
    }
    if (input.id !== this.#id || this.#phase.at === 'off' || this.#phase.at === 'waiting') {
      return [];
    }
    switch (input.type) {
      case 'ticket':
        return [{ type: 'open', id: this.#id, ticket: input.ticket }];
      case 'no_ticket':
        return this.#noTicket(input.failure, nowMs);
      case 'open':
        return this.#opened(nowMs);
      case 'closed':
        return this.#fail(nowMs, null);
      case 'frame':
        return this.#receive(input.frame, nowMs);
    }
  }

  #connect(nowMs: number): Action[] {
    this.#id += 1;
    this.#phase = { at: 'connecting', untilMs: nowMs + TIMING.connectMs };
    if (this.#connection !== 'offline') this.#connection = 'connecting';
    return [{ type: 'fetch_ticket', id: this.#id }, this.#report()];
  }

  #opened(nowMs: number): Action[] {
    const renewAtMs = nowMs + TIMING.renewAfterMs + this.#random() * TIMING.renewJitterMs;
    this.#phase = { at: 'live', renewAtMs };
    this.#lastFrameMs = nowMs;
    this.#sentNumber = 0;
    this.#sentMs = Number.NEGATIVE_INFINITY;
    return this.#sendView(nowMs);
  }

  #sendView(nowMs: number): Action[] {
    if (this.#phase.at !== 'live' || this.#sentNumber === this.#viewNumber) return [];
    if (nowMs < this.#sentMs + TIMING.betweenViewsMs) return [];
    this.#sentNumber = this.#viewNumber;
    this.#sentMs = nowMs;
    return [{ type: 'send', id: this.#id, frame: trackFleet(this.#view, this.#viewName) }];
  }

  get #viewName(): string {
    return `v${this.#viewNumber}`;
  }

  #wake(nowMs: number): Action[] {
    const phase = this.#phase;
    if (this.wakeAtMs === null || nowMs < this.wakeAtMs) return [];
    if (phase.at === 'waiting') return this.#connect(nowMs);
    if (phase.at === 'connecting') return this.#fail(nowMs, null);
    if (phase.at === 'live' && nowMs >= phase.renewAtMs) {
      return [{ type: 'close', id: this.#id }, ...this.#connect(nowMs)];
    }
    if (nowMs >= this.#lastFrameMs + TIMING.silenceMs) return this.#fail(nowMs, null);
    return this.#sendView(nowMs);
  }

  #receive(frame: string, nowMs: number): Action[] {
    const message = fleetMessageOf(frame);
    if (message === null) return [];
    if (message.type === 'fleet_ended') return this.#end('signed_out');
    if (message.type === 'error') {
      return message.reason === 'forbidden' ? this.#end('forbidden') : [];
    }
    this.#lastFrameMs = nowMs;
    this.#failures = 0;
    this.#connection = 'live';
    const { fleet } = message;
    const isOvertaken =
      fleet.view === this.#fleet?.view && fleet.asOfMs < (this.#fleet?.asOfMs ?? 0);
    if (fleet.view === this.#viewName && !isOvertaken) {
      this.#fleet = fleet;
      this.#fleetMs = nowMs;
    }
    return [this.#report()];
  }

  #noTicket(failure: TicketFailure, nowMs: number): Action[] {
    if (failure.kind === 'unavailable') return this.#fail(nowMs, failure.retryAfterMs);
    return this.#end(failure.reason === 'forbidden' ? 'forbidden' : 'signed_out');
  }

  #fail(nowMs: number, retryAfterMs: number | null): Action[] {
    this.#failures += 1;
    const delayMs = backoffMs(this.#failures, this.#random(), TIMING.backoff);
    this.#phase = { at: 'waiting', untilMs: nowMs + Math.max(delayMs, retryAfterMs ?? 0) };
    this.#connection = 'offline';
    return [{ type: 'close', id: this.#id }, this.#report()];
  }

  #end(connection: Connection): Action[] {
    this.#phase = { at: 'off' };
    this.#connection = connection;
    return [{ type: 'close', id: this.#id }, this.#report()];
  }

  #report(): Action {
    return {
      type: 'report',
      report: {
        connection: this.#connection,
        fleet: this.#fleet,
        fleetMs: this.#fleetMs,
        isCurrent: this.#fleet?.view === this.#viewName,
      },
    };
  }
}
