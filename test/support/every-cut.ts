/** Reads messages from bytes that come in every possible pair of pieces, and one by one. */

import { expect } from 'vitest';
import { Inflow } from '../../src/wire/inflow.ts';
import { cutEverywhere } from './hex.ts';

/** Begins to read one connection. @returns What takes a message, if all of it is there. */
export type Open<Message> = () => (inflow: Inflow) => Message | undefined;

/** Demands that `bytes` are read as `message` when the last of them has come, and never sooner. */
export function expectAtEveryCut<Message>(
  bytes: Uint8Array,
  open: Open<Message>,
  message: Message,
): void {
  for (const pieces of cutEverywhere(bytes)) {
    const [inflow, next] = [new Inflow(), open()];
    let found: Message | undefined;
    let pushed = 0;
    for (const piece of pieces) {
      expect(found === undefined || pushed === bytes.length).toBe(true);
      inflow.push(piece);
      pushed += piece.length;
      found ??= next(inflow);
    }
    expect(found).toEqual(message);
    expect(inflow.length).toBe(0);
  }
}

/** @returns What reads `count` messages, one after the other. */
export function inARow<Message>(open: Open<Message>, count: number): Open<readonly Message[]> {
  return () => {
    const next = open();
    const found: Message[] = [];
    return (inflow) => {
      for (let message = next(inflow); message; message = next(inflow)) found.push(message);
      return found.length >= count ? found : undefined;
    };
  };
}

/** Demands that `bytes` break the protocol, however they are cut. */
export function expectRefusedAtEveryCut(bytes: Uint8Array, open: Open<unknown>): void {
  for (const pieces of cutEverywhere(bytes)) {
    const [inflow, next] = [new Inflow(), open()];
    expectRefused(() => {
      for (const piece of pieces) {
        inflow.push(piece);
        next(inflow);
      }
    });
  }
}

/** Demands that an action fails because the other side broke the protocol. */
export function expectRefused(action: () => unknown): void {
  expect(action).toThrow(expect.objectContaining({ code: 'EPROTO' }));
}
