/** Runs the session's actions: fetches tickets, opens sockets and sets one timer. */

import type { Access, Summary } from './access.js';
import {
  type Action,
  DEFAULT_TIMING,
  Session,
  type SessionInput,
  type SessionReport,
  type Timing,
} from './session.js';

/** Everything that is known, passed to `onReport` at each change. */
export interface Report extends SessionReport {
  /** Places, window and more, as of the last ticket; null with `customerAccess`. */
  readonly summary: Summary | null;
}

/** The members of a browser's WebSocket that the client uses. */
export interface Socket {
  onopen: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  send(frame: string): void;
  close(): void;
}

export interface TrackingOptions {
  readonly webSocketUrl: string;
  readonly access: Access;
  /** Called at each change with everything that is known, and when it was last confirmed. */
  readonly onReport: (report: Report) => void;
  readonly timing?: Partial<Timing>;
  readonly openSocket?: (url: string) => Socket;
  readonly nowMs?: () => number;
  readonly random?: () => number;
  readonly setTimer?: (run: () => void, delayMs: number) => unknown;
  readonly clearTimer?: (timer: unknown) => void;
}

/** Tracks one delivery until it is stopped or the tracking ends. It reconnects automatically. */
export class DeliveryTracker {
  readonly #options: Required<Omit<TrackingOptions, 'timing'>>;
  readonly #session: Session;
  readonly #sockets = new Map<number, Socket>();
  readonly #requests = new Map<number, AbortController>();
  #summary: Summary | null = null;
  #timer: unknown = null;

  constructor(options: TrackingOptions) {
    const { timing, ...others } = options;
    this.#options = {
      openSocket: (url) => new WebSocket(url) as unknown as Socket,
      nowMs: () => Date.now(),
      random: Math.random,
      setTimer: (run, delayMs) => setTimeout(run, delayMs),
      clearTimer: (timer) => clearTimeout(timer as number),
      ...others,
    };
    this.#session = new Session({ ...DEFAULT_TIMING, ...timing }, this.#options.random);
  }

  /** Connects. */
  start(): void {
    this.#input({ type: 'start' });
  }

  /** Disconnects until `resume`, and keeps what is known. Call it when the page is hidden. */
  pause(): void {
    this.#input({ type: 'pause' });
  }

  /** Connects again after `pause`. */
  resume(): void {
    this.#input({ type: 'resume' });
  }

  /** Pings the connection, or retries at once. Call it when the device is online again. */
  check(): void {
    this.#input({ type: 'check' });
  }

  /** Disconnects and ends the tracking. It cannot be started again. */
  stop(): void {
    this.#input({ type: 'stop' });
  }

  #input(input: SessionInput): void {
    const nowMs = this.#options.nowMs();
    for (const action of this.#session.on(input, nowMs)) this.#do(action);
    this.#options.clearTimer(this.#timer);
    const wakeAtMs = this.#session.wakeAtMs;
    if (wakeAtMs === null) return;
    const delayMs = Math.max(0, wakeAtMs - this.#options.nowMs());
    this.#timer = this.#options.setTimer(() => this.#input({ type: 'wake' }), delayMs);
  }

  #do(action: Action): void {
    switch (action.type) {
      case 'fetch_ticket':
        void this.#fetchTicket(action.id);
        break;
      case 'open':
        this.#open(action.id, action.ticket);
        break;
      case 'send':
        this.#sockets.get(action.id)?.send(action.frame);
        break;
      case 'close':
        this.#close(action.id);
        break;
      case 'report':
        this.#options.onReport({ ...action.report, summary: this.#summary });
        break;
    }
  }

  async #fetchTicket(id: number): Promise<void> {
    const request = new AbortController();
    this.#requests.set(id, request);
    const result = await this.#options.access(request.signal);
    this.#requests.delete(id);
    if ('failure' in result) {
      this.#input({ type: 'no_ticket', id, failure: result.failure });
      return;
    }
    if (result.summary) this.#summary = result.summary;
    this.#input({ type: 'ticket', id, ticket: result.ticket, deliveryId: result.deliveryId });
  }

  #open(id: number, ticket: string): void {
    const url = `${this.#options.webSocketUrl}?ticket=${encodeURIComponent(ticket)}`;
    const socket = this.#options.openSocket(url);
    this.#sockets.set(id, socket);
    socket.onopen = () => this.#input({ type: 'open', id });
    socket.onclose = () => {
      this.#sockets.delete(id);
      this.#input({ type: 'closed', id });
    };
    socket.onmessage = ({ data }) => {
      if (typeof data === 'string') this.#input({ type: 'frame', id, frame: data });
    };
  }

  #close(id: number): void {
    this.#requests.get(id)?.abort();
    this.#requests.delete(id);
    const socket = this.#sockets.get(id);
    if (!socket) return;
    this.#sockets.delete(id);
    socket.onopen = socket.onclose = socket.onmessage = null;
    socket.close();
  }
}
