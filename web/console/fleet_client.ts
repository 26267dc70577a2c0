/** Runs the actions of the fleet's session: fetches tickets, opens a socket, sets a timer. */

import type { Socket } from '@rtdts/client';
import { type Action, type FleetReport, FleetSession, type SessionInput } from './fleet_session.js';
import type { View } from './fleet_view.js';
import type { Service } from './service.js';

export interface FleetOptions {
  readonly webSocketUrl: string;
  readonly service: Service;
  readonly view: View;
  readonly onReport: (report: FleetReport) => void;
  /** Stay connected while the page is hidden. */
  readonly whileHidden?: boolean;
  readonly openSocket?: (url: string) => Socket;
  readonly random?: () => number;
}

/** Follows a view of the fleet, while the page is hidden only if `whileHidden` is set. */
export class FleetClient {
  readonly #options: FleetOptions;
  readonly #session: FleetSession;
  readonly #onVisibilityChange = () => {
    const pauses = document.hidden && !this.#options.whileHidden;
    this.#input({ type: pauses ? 'pause' : 'start' });
  };
  readonly #onPageHide = () => this.#input({ type: 'pause' });
  readonly #onOnline = () => this.#input({ type: 'check' });
  #socket: Socket | null = null;
  #request: AbortController | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#session = new FleetSession(options.view, options.random ?? Math.random);
  }

  start(): void {
    document.addEventListener('visibilitychange', this.#onVisibilityChange);
    window.addEventListener('pagehide', this.#onPageHide);
    window.addEventListener('pageshow', this.#onVisibilityChange);
    window.addEventListener('online', this.#onOnline);
    this.#onVisibilityChange();
  }

  show(view: View): void {
    this.#input({ type: 'view', view });
  }

  stop(): void {
    document.removeEventListener('visibilitychange', this.#onVisibilityChange);
    window.removeEventListener('pagehide', this.#onPageHide);
    window.removeEventListener('pageshow', this.#onVisibilityChange);
    window.removeEventListener('online', this.#onOnline);
    this.#input({ type: 'stop' });
  }

  #input(input: SessionInput): void {
    for (const action of this.#session.on(input, Date.now())) this.#do(action);
    clearTimeout(this.#timer);
    const wakeAtMs = this.#session.wakeAtMs;
    if (wakeAtMs === null) return;
    const delayMs = Math.max(0, wakeAtMs - Date.now());
    this.#timer = setTimeout(() => this.#input({ type: 'wake' }), delayMs);
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
        this.#socket?.send(action.frame);
        break;
      case 'close':
        this.#close();
        break;
      case 'report':
        this.#options.onReport(action.report);
        break;
    }
  }

  async #fetchTicket(id: number): Promise<void> {
    this.#request = new AbortController();
    const result = await this.#options.service.ticket(this.#request.signal);
    if ('failure' in result) this.#input({ type: 'no_ticket', id, failure: result.failure });
    else this.#input({ type: 'ticket', id, ticket: result.ticket });
  }

  #open(id: number, ticket: string): void {
    const url = `${this.#options.webSocketUrl}?ticket=${encodeURIComponent(ticket)}`;
    const open = this.#options.openSocket ?? ((to) => new WebSocket(to) as unknown as Socket);
    const socket = open(url);
    this.#socket = socket;
    socket.onopen = () => this.#input({ type: 'open', id });
    socket.onclose = () => this.#input({ type: 'closed', id });
    socket.onmessage = ({ data }) => {
      if (typeof data === 'string') this.#input({ type: 'frame', id, frame: data });
    };
  }

  #close(): void {
    this.#request?.abort();
    this.#request = null;
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onclose = socket.onmessage = null;
    socket.close();
  }
}
