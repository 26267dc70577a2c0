/** The socket's messages (docs/asyncapi.yaml). `parseMessage` validates them. */

export type Status =
  | 'assigned'
  | 'en_route_to_pickup'
  | 'at_pickup'
  | 'in_transit'
  | 'nearby'
  | 'arrived'
  | ClosedStatus;

/** Final statuses of a delivery. */
export const CLOSED_STATUSES = ['delivered', 'failed', 'cancelled'] as const;
export type ClosedStatus = (typeof CLOSED_STATUSES)[number];

export function isClosed(status: Status | null): status is ClosedStatus {
  return CLOSED_STATUSES.some((one) => one === status);
}

export interface DeliveryEvent {
  readonly version: number;
  readonly status: Status;
  /** RFC 3339, UTC. */
  readonly effective_at: string;
  readonly cause: string;
}

export interface Position {
  readonly lat: number;
  readonly lon: number;
  readonly heading_deg: number | null;
  readonly speed_mps: number | null;
  readonly accuracy_m: number | null;
  readonly recorded_at: string;
  /** Its age when the message was sent, in seconds. */
  readonly age_s: number;
  readonly stale_since: string | null;
}

export interface Eta {
  readonly earliest: string;
  readonly latest: string;
}

/** Latitude, longitude, epoch milliseconds. */
export type TrackPoint = readonly [number, number, number];

interface OfDelivery {
  readonly sent_at: string;
  readonly delivery_id: string;
}

interface Numbered extends OfDelivery {
  readonly status: Status;
  readonly version: number;
  readonly assignment: number;
  /** The number of the truck's stops before this delivery; null if unknown. */
  readonly stops_before?: number | null;
}

interface Positioned extends Numbered {
  readonly position: Position | null;
  readonly position_at: string | null;
  readonly distance_remaining_m: number | null;
  readonly eta: Eta | null;
}

export interface Snapshot extends Positioned {
  readonly type: 'snapshot';
  /** The declared reason of a failure. */
  readonly failure_code?: string | null;
  readonly events: readonly DeliveryEvent[];
  readonly track: readonly TrackPoint[];
}

export interface PositionUpdate extends Positioned {
  readonly type: 'position';
}

export interface StatusChange extends Numbered {
  readonly type: 'status';
  readonly effective_at: string;
  readonly cause: string;
  readonly failure_code?: string | null;
}

export interface Ended extends OfDelivery {
  readonly type: 'ended';
  readonly reason: string;
}

export interface ServiceError {
  readonly type: 'error';
  readonly reason: string;
  readonly delivery_id?: string;
}

export interface Pong {
  readonly type: 'pong';
}

export type DeliveryMessage = Snapshot | PositionUpdate | StatusChange | Ended;
export type Message = DeliveryMessage | ServiceError | Pong;

/**
 * Parses and validates a frame.
 *
 * @returns The message; null for a frame to ignore: of an unknown type, from the gateway itself, or
 *   not valid.
 */
export function parseMessage(frame: string): Message | null {
  let message: unknown;
  try {
    message = JSON.parse(frame);
  } catch {
    return null;
  }
  if (!isObject(message)) return null;
  switch (message['type']) {
    case 'snapshot':
      return isPositioned(message) &&
        isListOf(message['events'], isEvent) &&
        isListOf(message['track'], isTrackPoint)
        ? (message as unknown as Snapshot)
        : null;
    case 'position':
      return isPositioned(message) ? (message as unknown as PositionUpdate) : null;
    case 'status':
      return isNumbered(message) && isInstant(message['effective_at']) && isText(message['cause'])
        ? (message as unknown as StatusChange)
        : null;
    case 'ended':
      return isOfDelivery(message) && isText(message['reason'])
        ? (message as unknown as Ended)
        : null;
    case 'error':
      return isText(message['reason']) ? (message as unknown as ServiceError) : null;
    case 'pong':
      return { type: 'pong' };
    default:
      return null;
  }
}

type Json = Record<string, unknown>;

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isNumber = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value);
export const isInstant = (value: unknown): value is string =>
  isText(value) && !Number.isNaN(Date.parse(value));
const orNull = (check: (value: unknown) => boolean) => (value: unknown) =>
  value === null || check(value);
const isOptional = (check: (value: unknown) => boolean) => (value: unknown) =>
  value === undefined || value === null || check(value);
const isListOf = (value: unknown, check: (one: unknown) => boolean) =>
  Array.isArray(value) && value.every(check);

const isOfDelivery = (m: Json) => isText(m['delivery_id']) && isInstant(m['sent_at']);

const isNumbered = (m: Json) =>
  isOfDelivery(m) &&
  isText(m['status']) &&
  isNumber(m['version']) &&
  isNumber(m['assignment']) &&
  isOptional(isNumber)(m['stops_before']) &&
  isOptional(isText)(m['failure_code']);

const isPositioned = (m: Json) =>
  isNumbered(m) &&
  orNull(isPosition)(m['position']) &&
  orNull(isInstant)(m['position_at']) &&
  (m['position'] === null || m['position_at'] !== null) &&
  orNull(isNumber)(m['distance_remaining_m']) &&
  orNull(isEta)(m['eta']);

const isPosition = (value: unknown) =>
  isObject(value) &&
  isNumber(value['lat']) &&
  isNumber(value['lon']) &&
  isNumber(value['age_s']) &&
  orNull(isNumber)(value['heading_deg']) &&
  orNull(isNumber)(value['speed_mps']) &&
  orNull(isNumber)(value['accuracy_m']) &&
  isInstant(value['recorded_at']) &&
  orNull(isInstant)(value['stale_since']);

const isEta = (value: unknown) =>
  isObject(value) && isInstant(value['earliest']) && isInstant(value['latest']);

const isEvent = (value: unknown) =>
  isObject(value) &&
  isNumber(value['version']) &&
  isText(value['status']) &&
  isInstant(value['effective_at']) &&
  isText(value['cause']);

const isTrackPoint = (value: unknown) =>
  Array.isArray(value) && value.length === 3 && value.every(isNumber);
