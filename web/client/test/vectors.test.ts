/** The language-neutral test vectors: the Python client runs the same files. */

import { expect, test } from 'vitest';
import type { DeliveryMessage } from '../src/messages.js';
import { type Action, Session, type SessionInput } from '../src/session.js';
import { applyMessage, emptyView } from '../src/view.js';
import receiver from '../vectors/receiver.json' with { type: 'json' };
import session from '../vectors/session.json' with { type: 'json' };

for (const { name, messages, expect: expected, view: finalView } of receiver.cases) {
  test(`receiver: ${name}`, () => {
    let view = emptyView('D-1');
    const added = messages.map((message) => {
      const applied = applyMessage(view, message as unknown as DeliveryMessage);
      view = applied.view;
      const events = applied.events.map((event) => event.version);
      return { events, position: applied.newPosition, stale: applied.stale };
    });

    expect(added).toEqual(expected);
    expect({
      version: view.version,
      status: view.status,
      position_at: view.position_at,
      events: view.events.map((event) => event.version),
      ended: view.ended,
      assignment: view.assignment,
      track_points: view.track.length,
    }).toEqual(finalView);
  });
}

for (const { name, random, steps, ...end } of session.cases) {
  test(`session: ${name}`, () => {
    let draws = 0;
    const subject = new Session(session.timing, () => random[draws++ % random.length] ?? 0);
    for (const step of steps) {
      const actions = subject.on(input(step.input as Record<string, unknown>), step.at_ms);

      expect(actions.map(plain), `at ${step.at_ms} ms`).toEqual(step.expect);
    }
    if ('wake_at_ms' in end) expect(subject.wakeAtMs).toBe(end.wake_at_ms);
  });
}

function input(step: Record<string, unknown>): SessionInput {
  if (step['type'] !== 'frame') return step as unknown as SessionInput;
  return { type: 'frame', id: step['id'] as number, frame: JSON.stringify(step['message']) };
}

function plain(action: Action): unknown {
  if (action.type === 'send') {
    return { type: 'send', id: action.id, message: JSON.parse(action.frame) };
  }
  if (action.type !== 'report') return action;
  const { connection, endReason, changes } = action.report;
  const events = changes.events.map((event) => event.version);
  return { type: 'report', connection, events, position: changes.position, end_reason: endReason };
}
