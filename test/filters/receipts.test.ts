import { describe, expect, it } from 'vitest';
import { REQUESTS_KEPT_MAX } from '../../src/filters/receipts.ts';
import { openFaults, outcome } from '../support/fault-rig.ts';

describe('receipts', () => {
  it('say of a rule that nothing met that it is armed and has not fired', async () => {
    const rule = { id: 'bad', iotype: 'read', errno: 5 };
    const { guest, control } = await openFaults([rule]);
    await guest.write(0, new Uint8Array(512));
    expect(control.receipts).toEqual([
      { id: 'bad', rule, armed: true, matched: 0, fired: 0, held: 0, requests: [] },
    ]);
  });

  it('say what happened to whose requests, and when', async () => {
    const { guest, job, node, clock, control } = await openFaults([{ count: 3 }]);
    await outcome(() => guest.write(512, new Uint8Array(1024), { forceUnitAccess: true }));
    await clock.advance(250);
    await outcome(() => job.read(0, new Uint8Array(512)));
    await outcome(() => node.flush());
    await outcome(() => guest.flush());
    expect(control.receipts).toMatchObject([{ armed: false, matched: 3, fired: 3 }]);
    expect(control.receipts[0]?.requests).toEqual([
      {
        operation: 'write',
        offset: 512,
        length: 1024,
        initiator: 'guest',
        origin: 'vda',
        atMs: 0,
      },
      {
        operation: 'read',
        offset: 0,
        length: 512,
        initiator: 'job',
        origin: 'mirror0',
        atMs: 250,
      },
      {
        operation: 'flush',
        offset: 0,
        length: 0,
        initiator: 'node',
        origin: undefined,
        atMs: 250,
      },
    ]);
  });

  it('remember the last requests only, and count all', async () => {
    const { guest, control } = await openFaults([{ iotype: 'read' }]);
    const read = (offset: number) => outcome(() => guest.read(offset, new Uint8Array(1)));
    for (let offset = 0; offset < REQUESTS_KEPT_MAX + 5; offset += 1) await read(offset);
    const [receipt] = control.receipts;
    expect(receipt).toMatchObject({ fired: REQUESTS_KEPT_MAX + 5 });
    expect(receipt?.requests.map(({ offset }) => offset)).toEqual(
      Array.from({ length: REQUESTS_KEPT_MAX }, (_, index) => index + 5),
    );
  });
});
