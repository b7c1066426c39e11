import { describe, expect, it } from 'vitest';
import { EVENTS_OF } from '../../src/filters/blkdebug-events.ts';
import type { FaultOperation } from '../../src/filters/fault-request.ts';
import { begin, openFaults, outcome } from '../support/fault-rig.ts';
import { settle } from '../support/settle.ts';

const bytes = () => new Uint8Array(512);

describe('the way of a request past blkdebug', () => {
  it('comes to its events in order, before and after the disk', async () => {
    const { guest, disk, control } = await openFaults([]);
    const requests: Record<FaultOperation, () => unknown> = {
      read: () => guest.read(0, bytes()),
      write: () => guest.write(0, bytes()),
      'write-zeroes': () => guest.writeZeroes(0, 512),
      discard: () => guest.discard(0, 512),
      flush: () => guest.flush(),
      'block-status': () => guest.blockStatus(0, 512),
    };
    for (const [operation, { before, after }] of Object.entries(EVENTS_OF)) {
      const events = [...before, ...after];
      for (const event of events) control.suspend(event, event);
      disk.calls.length = 0;
      const begun = begin(requests[operation as FaultOperation]);
      for (const event of events) {
        await settle();
        const suspended = events.filter((name) => control.isSuspended(name));
        expect([operation, suspended]).toEqual([operation, [event]]);
        expect(disk.calls.length).toBe(before.includes(event) ? 0 : 1);
        control.resume(event);
      }
      await settle();
      expect(begun.state).toBe('done');
    }
  });

  it('comes to the events after it when it has failed, too', async () => {
    const { guest, control } = await openFaults([{ iotype: 'write' }]);
    control.suspend('pwritev_done', 'A');
    const begun = begin(() => guest.write(0, bytes()));
    await settle();
    expect([begun.state, control.isSuspended('A')]).toEqual(['pending', true]);
    control.resume('A');
    await settle();
    expect(begun.state).toBe('EIO');
  });

  it('comes to the events after it when the disk itself fails, at once or later', async () => {
    const { guest, disk, control } = await openFaults([], {
      'set-state': [
        { event: 'pwritev_done', state: 1, new_state: 2 },
        { event: 'pwritev_done', state: 2, new_state: 3 },
      ],
    });
    disk.gate.mode = 'held';
    const begun = begin(() => guest.write(0, bytes()));
    disk.gate.next().fail(new Error('the disk failed'));
    await settle();
    expect([begun.state, control.state]).toEqual(['? Error: the disk failed', 2]);
    disk.gate.mode = 'sync';
    disk.gate.pass = () => {
      throw new Error('the disk failed at once');
    };
    expect(() => guest.write(0, bytes())).toThrow('the disk failed at once');
    expect(control.state).toBe(3);
  });

  it('meets a breakpoint that is set while it is under way', async () => {
    const { guest, disk, control } = await openFaults([]);
    disk.gate.mode = 'held';
    const begun = begin(() => guest.read(0, bytes()));
    control.suspend('read_done', 'A');
    disk.gate.next().complete();
    await settle();
    expect([begun.state, control.isSuspended('A')]).toEqual(['pending', true]);
    control.removeBreakpoint('A');
    await settle();
    expect(begun.state).toBe('done');
  });

  it('may be befallen by one rule before the disk and by another after it', async () => {
    const rules = [
      { action: 'delay', 'delay-ms': 10 },
      { stage: 'complete', errno: 'ENOSPC' },
    ];
    const { guest, disk, clock, control } = await openFaults(rules);
    const begun = begin(() => guest.write(0, bytes()));
    await clock.advance(10);
    await settle();
    expect([begun.state, disk.operations]).toEqual(['ENOSPC', ['write']]);
    expect(control.receipts.map(({ fired }) => fired)).toEqual([1, 1]);
  });

  it('is not befallen after a disk that has failed it', async () => {
    const { guest, disk, control } = await openFaults([{ stage: 'complete' }]);
    disk.gate.mode = 'held';
    const begun = begin(() => guest.flush());
    disk.gate.next().fail(new Error('the disk failed'));
    await settle();
    expect(begun.state).toBe('? Error: the disk failed');
    expect(control.receipts).toMatchObject([{ matched: 0 }]);
  });
});

describe('rules while it runs', () => {
  it('are armed and disarmed', async () => {
    const { guest, control } = await openFaults([]);
    const id = control.arm({ iotype: 'flush', errno: 28 });
    expect(id).toBe('rule1');
    expect(await outcome(() => guest.flush())).toBe('ENOSPC');
    control.disarm(id);
    expect(await outcome(() => guest.flush())).toBe('done');
    expect(() => control.disarm('nobody')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    expect(() => control.release('nobody')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    expect(() => control.arm({ errno: 'EWHAT' })).toThrow(/'rule.errno', expected: integer/);
  });

  it('are for requests that come to the disk from then on', async () => {
    const { guest, disk, control } = await openFaults([]);
    disk.gate.mode = 'held';
    const begun = begin(() => guest.flush());
    control.arm({});
    disk.gate.next().complete();
    await settle();
    expect(begun.state).toBe('done');
    expect(control.receipts).toMatchObject([{ matched: 0, armed: true }]);
  });
});
