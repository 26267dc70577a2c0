/** A fake of the service for viewers: tickets, sockets that end, lost and repeated messages. */

import type { Access, DeliveryEvent, Socket, Status } from '../src/index.js';
import type { VirtualTime } from './virtual_time.js';

export class FakeService {
  readonly sockets: FakeSocket[] = [];
  events: DeliveryEvent[] = [];
  position = { lat: 35.1, lon: 129.1, atMs: 0 };
  ticketsRefused: 'not_found' | null = null;
  isUnavailable = false;
  tickets = 0;

  constructor(
    readonly time: VirtualTime,
    readonly random: () => number = () => 0.5,
    /** The probability that a message is lost, and that it is sent twice. */
    readonly faultProbability = 0,
  ) {
    this.addEvent('assigned');
  }

  readonly access: Access = async () => {
    if (this.isUnavailable) return { failure: { kind: 'unavailable', retryAfterMs: null } };
    if (this.ticketsRefused) return { failure: { kind: 'refused', reason: this.ticketsRefused } };
    this.tickets += 1;
    return { ticket: `t-${this.tickets}`, deliveryId: 'D-1', summary: null };
  };

  readonly openSocket = (url: string): Socket => {
    const socket = new FakeSocket(this, url);
    this.sockets.push(socket);
    this.time.setTimer(() => (this.isUnavailable ? socket.end() : socket.accept()), 50);
    return socket;
  };

  get open(): FakeSocket[] {
    return this.sockets.filter((socket) => socket.state === 'open');
  }

  addEvent(status: Status): void {
    const version = this.events.length + 1;
    const effective_at = this.instant();
    this.events = [...this.events, { version, status, effective_at, cause: 'declared' }];
    this.send({ type: 'status', ...this.numbered(), effective_at, cause: 'declared' });
  }

  move(lat: number): void {
    this.position = { lat, lon: 129.1, atMs: this.time.nowMs };
  }

  round(): void {
    this.send({ type: 'position', ...this.numbered(), ...this.positioned() });
  }

  snapshot(since: number): object {
    const events = this.events.filter((event) => event.version > since);
    return { type: 'snapshot', ...this.numbered(), ...this.positioned(), events, track: [] };
  }

  instant(): string {
    return new Date(this.time.nowMs).toISOString();
  }

  numbered(): object {
    const { version, status } = this.events.at(-1) as DeliveryEvent;
    return { v: 1, sent_at: this.instant(), delivery_id: 'D-1', version, status, assignment: 1 };
  }

  positioned(): object {
    const { lat, lon, atMs } = this.position;
    const none = { position: null, position_at: null, distance_remaining_m: null, eta: null };
    if (atMs === 0) return none;
    const recorded_at = new Date(atMs).toISOString();
    const unknown = { heading_deg: null, speed_mps: null, accuracy_m: null, stale_since: null };
    const age_s = (this.time.nowMs - atMs) / 1000;
    const position = { lat, lon, recorded_at, age_s, ...unknown };
    return { ...none, position, position_at: recorded_at };
  }

  private send(message: object): void {
    for (const socket of this.open) {
      if (!socket.tracks || this.random() < this.faultProbability) continue;
      socket.post(message);
      if (this.random() < this.faultProbability) socket.post(message);
    }
  }
}

export class FakeSocket implements Socket {
  onopen: ((event: never) => void) | null = null;
  onclose: ((event: never) => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  state: 'opening' | 'open' | 'closed' = 'opening';
  tracks = false;
  isSilent = false;
  readonly sent: { action: string; since_version?: number }[] = [];
  readonly openedMs: number;

  constructor(
    readonly service: FakeService,
    readonly url: string,
  ) {
    this.openedMs = service.time.nowMs;
  }

  accept(): void {
    if (this.state !== 'opening') return;
    this.state = 'open';
    this.onopen?.(undefined as never);
  }

  send(frame: string): void {
    const message = JSON.parse(frame);
    this.sent.push(message);
    if (this.isSilent) return;
    if (message.action === 'ping') this.post({ type: 'pong' });
    if (message.action !== 'track') return;
    this.tracks = true;
    const { time } = this.service;
    time.setTimer(() => this.post(this.service.snapshot(message.since_version ?? 0)), 40);
  }

  /** Delivers a message after a random delay, so that it may overtake another. */
  post(message: object): void {
    const frame = JSON.stringify(message);
    this.service.time.setTimer(
      () => {
        if (this.state === 'open' && !this.isSilent) this.onmessage?.({ data: frame });
      },
      10 + this.service.random() * 100,
    );
  }

  end(): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.onclose?.(undefined as never);
  }

  close(): void {
    this.state = 'closed';
  }
}

/** Returns a seeded generator of numbers in [0, 1) (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
