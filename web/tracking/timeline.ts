/** The delivery's statuses in the order of its log, each once. */

import type { DeliveryEvent, Report, Status } from '@rtdts/client';

export interface Step {
  readonly status: Status;
  /** RFC 3339. */
  readonly at: string;
}

/**
 * The steps that the log implies: a corrected time replaces the one before, and a status that is
 * entered again (another truck was assigned) stands at its new place.
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

/** The newest status that is known, and the steps that led there. */
export function newestOf(report: Report): { status: Status | null; steps: readonly Step[] } {
  const { delivery, summary } = report;
  const isBehind = summary !== null && summary.version > (delivery?.version ?? 0);
  if (isBehind) return { status: summary.status, steps: summary.timeline };
  const steps = stepsOf(delivery?.events ?? []);
  const status = delivery?.status ?? null;
  return { status, steps: steps.length > 0 ? steps : (summary?.timeline ?? []) };
}
