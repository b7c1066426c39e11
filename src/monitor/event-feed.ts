/**
 * What a machine tells, for every client that listens: QEMU's events, in their order.
 *
 * QEMU holds back events that a guest could send in floods, at most one a second of a kind. None of
 * those that this program has is among them in QEMU 7.2.
 */

import type { Machine, MachineEvent } from '../machine/machine.ts';
import type { JsonObject, JsonValue } from '../wire/qmp/json-value.ts';
import { eventMessage } from '../wire/qmp/messages.ts';
import { events } from './events.ts';

export class EventFeed {
  readonly #listeners = new Set<(message: JsonObject) => void>();

  constructor(machine: Machine) {
    machine.subscribe((event) => {
      const message = messageOf(event);
      for (const listener of this.#listeners) listener(message);
    });
  }

  /** How many listen. */
  get listeners(): number {
    return this.#listeners.size;
  }

  /** Calls `listener` with every message from now on. @returns What ends that. */
  subscribe(listener: (message: JsonObject) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

function messageOf(happened: MachineEvent): JsonObject {
  const { event, timestamp } = happened;
  if (!('data' in happened)) return eventMessage({ event, timestamp });
  const said: Readonly<Record<string, JsonValue | undefined>> = { ...happened.data };
  const data: Record<string, JsonValue> = {};
  // What is said besides, such as a reason for people, is not QEMU's.
  for (const name of Object.keys(events[event].data.shape.members)) {
    const value = said[name];
    if (value !== undefined) data[name] = value;
  }
  return eventMessage({ event, timestamp, data });
}
