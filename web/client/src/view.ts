/**
 * The receiver's view of a delivery, and how messages change it.
 *
 * Messages may arrive twice, late or in another order. The receiver keeps the highest `version`,
 * and the highest `position_at` within the highest `assignment`. Lower ones change nothing.
 */

import type {
  DeliveryEvent,
  DeliveryMessage,
  Eta,
  Position,
  PositionUpdate,
  Snapshot,
  Status,
  TrackPoint,
} from './messages.js';

export interface DeliveryView {
  readonly delivery_id: string;
  readonly version: number;
  readonly status: Status | null;
  /** All known events, by version. */
  readonly events: readonly DeliveryEvent[];
  readonly assignment: number;
  readonly position: Position | null;
  readonly position_at: string | null;
  readonly distance_remaining_m: number | null;
  readonly eta: Eta | null;
  readonly stops_before: number | null;
  /** The declared reason of a failure. */
  readonly failure_code: string | null;
  readonly track: readonly TrackPoint[];
  /** Why the tracking ended; null while the delivery is tracked. */
  readonly ended: string | null;
  /** When the last `ended` or `snapshot` was sent. */
  readonly turned_at: string;
  /** When the last message was sent that set or removed the position. */
  readonly positioned_at: string;
}

/** The view after a message, and what the message added. */
export interface Applied {
  readonly view: DeliveryView;
  /** Events that were not known before, by version. */
  readonly events: readonly DeliveryEvent[];
  readonly newVersion: boolean;
  readonly newPosition: boolean;
  /** A newer message arrived before this one, so it does not confirm the current state. */
  readonly stale: boolean;
}

export function emptyView(delivery_id: string): DeliveryView {
  return {
    delivery_id,
    version: 0,
    status: null,
    events: [],
    assignment: 0,
    position: null,
    position_at: null,
    distance_remaining_m: null,
    eta: null,
    stops_before: null,
    failure_code: null,
    track: [],
    ended: null,
    turned_at: '',
    positioned_at: '',
  };
}

/** Returns the highest version up to which no event is missing, for `since_version`. */
export function completeThrough(view: DeliveryView): number {
  let version = 0;
  for (const event of view.events) {
    if (event.version !== version + 1) break;
    version = event.version;
  }
  return version;
}

/** Applies a message about the view's delivery. */
export function applyMessage(view: DeliveryView, message: DeliveryMessage): Applied {
  if (message.type === 'ended') {
    if (message.sent_at < view.turned_at) return unchanged(view, true);
    return unchanged({ ...view, ended: message.reason, turned_at: message.sent_at }, false);
  }
  let after = view;
  if (message.type === 'snapshot' && message.sent_at > view.turned_at) {
    after = { ...after, ended: null, turned_at: message.sent_at };
  }
  if (message.assignment > after.assignment) {
    // The delivery was assigned to another truck, so the track starts again.
    const { position, position_at, distance_remaining_m, eta, track } = emptyView('');
    const unknown = { position, position_at, distance_remaining_m, eta, track };
    after = { ...after, ...unknown, assignment: message.assignment };
  }
  const events = unknownEvents(after, message);
  if (events.length > 0) {
    after = { ...after, events: [...after.events, ...events].sort(byVersion) };
  }
  const newVersion = message.version > after.version;
  if (newVersion) after = { ...after, version: message.version, status: message.status };
  if (message.version >= after.version) after = withDetails(after, message);
  const stale = message.version < after.version;
  if (message.type === 'status')
    return { view: after, events, newVersion, newPosition: false, stale };
  return applyPosition(after, message, { events, newVersion, stale });
}

function applyPosition(
  view: DeliveryView,
  message: Snapshot | PositionUpdate,
  applied: { events: readonly DeliveryEvent[]; newVersion: boolean; stale: boolean },
): Applied {
  if (message.assignment < view.assignment) {
    return { ...applied, view, newPosition: false, stale: true };
  }
  const known = view.position_at;
  if (message.position === null || message.position_at === null) {
    // The message has no position: remove the known one, unless a newer message arrived before.
    if (message.sent_at < view.positioned_at)
      return { ...applied, view, newPosition: false, stale: true };
    const hidden = { position: null, position_at: null, distance_remaining_m: null, eta: null };
    const after = { ...view, ...hidden, track: [], positioned_at: message.sent_at };
    return { ...applied, view: after, newPosition: known !== null };
  }
  if (known !== null && message.position_at < known) {
    return { ...applied, view, newPosition: false, stale: !applied.newVersion };
  }
  if (message.position_at === known && message.sent_at < view.positioned_at) {
    return { ...applied, view, newPosition: false, stale: true };
  }
  const newPosition = message.position_at !== known;
  const after = {
    ...view,
    position: message.position,
    position_at: message.position_at,
    distance_remaining_m: message.distance_remaining_m,
    eta: message.eta,
    track: trackWith(view, message),
    positioned_at: message.sent_at,
  };
  return {
    ...applied,
    view: after,
    newPosition,
    stale: applied.stale && !newPosition,
  };
}

/** Sets the fields that belong to a version and are sent with it. */
function withDetails(
  view: DeliveryView,
  message: Exclude<DeliveryMessage, { type: 'ended' }>,
): DeliveryView {
  const stops_before =
    message.stops_before === undefined ? view.stops_before : message.stops_before;
  if (message.type === 'position') return { ...view, stops_before };
  const failure_code =
    message.failure_code === undefined ? view.failure_code : message.failure_code;
  return { ...view, stops_before, failure_code };
}

/** Returns the snapshot's track, or the known track extended by the update's position. */
function trackWith(view: DeliveryView, message: Snapshot | PositionUpdate): readonly TrackPoint[] {
  if (message.type === 'snapshot') return message.track;
  const { position, position_at } = message;
  if (position === null || position_at === null) return view.track;
  const at_ms = Date.parse(position_at);
  const last = view.track.at(-1);
  if (last !== undefined && last[2] >= at_ms) return view.track;
  return [...view.track, [position.lat, position.lon, at_ms]];
}

function unknownEvents(
  view: DeliveryView,
  message: Exclude<DeliveryMessage, { type: 'ended' }>,
): readonly DeliveryEvent[] {
  const known = new Set(view.events.map((event) => event.version));
  if (message.type === 'snapshot') return message.events.filter((e) => !known.has(e.version));
  if (message.type !== 'status' || known.has(message.version)) return [];
  const { version, status, effective_at, cause } = message;
  return [{ version, status, effective_at, cause }];
}

const byVersion = (one: DeliveryEvent, other: DeliveryEvent) => one.version - other.version;

const unchanged = (view: DeliveryView, stale: boolean): Applied => ({
  view,
  events: [],
  newVersion: false,
  newPosition: false,
  stale,
});
