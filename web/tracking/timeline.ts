import type { DeliveryEvent, Report, Status } from '@rtdts/client';

export interface Step {
  readonly status: Status;
  /** RFC 3339. */
  readonly at: string;
}

/**
 * Returns the delivery's statuses in the order of its log, each once.
 *
 * A corrected time replaces the earlier one. A status that is entered again, because another truck
 * was assigned, moves to its new place.
 */
export function stepsOf(events: readonly DeliveryEvent[]): readonly Step[] {
  const steps: Step[] = [];
  for (const { status, effective_at, cause } of events) {
    const known = steps.findIndex((step) => step.status === status);
    if (known >= 0 && cause === 'corrected') {
      steps[known] = { status, at: effective_at };
      continue;
    }
    if (known >= 0) steps.splice(known, 1);
    steps.push({ status, at: effective_at });
  }
  return steps;
}

/** Returns the newest known status and the steps up to it, from the socket or from the ticket. */
export function newestOf(report: Report): { status: Status | null; steps: readonly Step[] } {
  const { delivery, summary } = report;
  const isBehind = summary !== null && summary.version > (delivery?.version ?? 0);
  if (isBehind) return { status: summary.status, steps: summary.timeline };
  const steps = stepsOf(delivery?.events ?? []);
  const status = delivery?.status ?? null;
  return { status, steps: steps.length > 0 ? steps : (summary?.timeline ?? []) };
}
