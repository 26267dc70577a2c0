export {
  type Access,
  customerAccess,
  type Place,
  type Summary,
  shareAccess,
  type TicketResult,
} from './access.js';
export { type Backoff, backoffMs } from './backoff.js';
export { DeliveryTracker, type Report, type Socket, type TrackingOptions } from './client.js';
export {
  CLOSED_STATUSES,
  type ClosedStatus,
  type DeliveryEvent,
  type Eta,
  isClosed,
  type Position,
  type Status,
  type TrackPoint,
} from './messages.js';
export {
  type ConnectionState,
  DEFAULT_TIMING,
  type SessionReport,
  type TicketFailure,
  type Timing,
} from './session.js';
export { type Applied, applyMessage, type DeliveryView, emptyView } from './view.js';
