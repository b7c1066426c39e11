import { describe, expect, it } from 'vitest';
import { corrupt } from '../../src/filters/fault-effects.ts';
import { pattern } from '../support/drivers.ts';
import { begin, openFaults, outcome } from '../support/fault-rig.ts';
import { settle } from '../support/settle.ts';

const write = (length = 512) => new Uint8Array(length).fill(0xee);

describe('action error', () => {
  it('fails requests without doing them, but those for the status of blocks', async () => {
    const { guest, disk, control } = await openFaults([{ errno: 'ENOSPC' }]);
    const each = [
      () => guest.read(0, new Uint8Array(512)),
      () => guest.write(0, write()),
      () => guest.writeZeroes(0, 512),
      () => guest.discard(0, 512),
      () => guest.flush(),
    ];
    for (const request of each) expect(await outcome(request)).toBe('ENOSPC');
    expect(disk.calls).toEqual([]);
    expect(await outcome(() => guest.blockStatus(0, 512))).toBe('done');
    expect(control.receipts).toMatchObject([{ matched: 5, fired: 5 }]);
  });

  it('names the request and the rule in the error', async () => {
    const rules = [
      { id: 'bad', iotype: 'write-zeroes' },
      { errno: 5, iotype: 'block-status' },
      { iotype: 'flush' },
    ];
    const { guest } = await openFaults(rules);
    const message = async (start: () => unknown) => {
      try {
        await start();
      } catch (error) {
        return String(error);
      }
      return 'done';
    };
    const end = 'a fault was injected by';
    expect(await message(() => guest.writeZeroes(512, 1024))).toBe(
      `BlockError: Cannot write zeroes 1024 bytes at 512 of "disk": ${end} "bad"`,
    );
    expect(await message(() => guest.blockStatus(0, 512))).toBe(
      `BlockError: Cannot query 512 bytes at 0 of "disk": ${end} "rule1"`,
    );
    expect(await message(() => guest.flush())).toBe(
      `BlockError: Cannot flush "disk": ${end} "rule2"`,
    );
  });

  it('fails what has been done, at the stage "complete"', async () => {
    const { guest, disk } = await openFaults([{ stage: 'complete', iotype: 'write' }]);
    expect(await outcome(() => guest.write(0, write()))).toBe('EIO');
    expect(disk.bytes.subarray(0, 512)).toEqual(write());
  });

  it('comes after the call has returned, unless it is to come immediately', async () => {
    const { guest, control } = await openFaults([{ immediately: true, count: 1 }]);
    expect(() => guest.flush()).toThrow(/injected/);
    control.arm({});
    const late = guest.flush();
    expect(late).toBeInstanceOf(Promise);
    await expect(late).rejects.toMatchObject({ code: 'EIO' });
  });
});

describe('actions delay and hang', () => {
  it('do a request late, by the delay to the millisecond', async () => {
    const { guest, disk, clock } = await openFaults([{ action: 'delay', 'delay-ms': 50 }]);
    const late = begin(() => guest.write(0, write()));
    await clock.advance(49);
    await settle();
    expect([late.state, disk.calls.length]).toEqual(['pending', 0]);
    await clock.advance(1);
    await settle();
    expect([late.state, disk.calls.length, clock.timers]).toEqual(['done', 1, 0]);
  });

  it('answer late to what is done in time, at the stage "complete"', async () => {
    const rule = { action: 'delay', 'delay-ms': 50, stage: 'complete' };
    const { guest, disk, clock } = await openFaults([rule]);
    const into = new Uint8Array(512);
    disk.bytes.fill(1);
    const late = begin(() => guest.read(0, into));
    await settle();
    expect([late.state, into[0]]).toEqual(['pending', 1]);
    await clock.advance(50);
    await settle();
    expect(late.state).toBe('done');
  });

  it('delay what fails as well', async () => {
    const { guest, clock } = await openFaults([{ errno: 'EIO', 'delay-ms': 30_000 }]);
    const late = begin(() => guest.flush());
    await clock.advance(29_999);
    await settle();
    expect(late.state).toBe('pending');
    await clock.advance(1);
    await settle();
    expect(late.state).toBe('EIO');
  });

  it('let a request hang until it is released, then do it', async () => {
    const { guest, disk, clock, control } = await openFaults([{ id: 'stuck', action: 'hang' }]);
    const begun = [begin(() => guest.flush()), begin(() => guest.write(0, write()))];
    await clock.advance(1e9);
    await settle();
    expect(begun.map(({ state }) => state)).toEqual(['pending', 'pending']);
    expect(control.receipts).toMatchObject([{ held: 2, fired: 2 }]);
    control.disarm('stuck');
    expect(control.release('stuck')).toBe(2);
    await settle();
    expect(begun.map(({ state }) => state)).toEqual(['done', 'done']);
    expect(disk.operations).toEqual(['flush', 'write']);
    expect(control.release('stuck')).toBe(0);
  });

  it('let what is done hang without an answer, at the stage "complete"', async () => {
    const { guest, disk, node } = await openFaults([{ action: 'hang', stage: 'complete' }]);
    const stuck = begin(() => guest.write(0, write()));
    await settle();
    expect([stuck.state, disk.bytes[0]]).toEqual(['pending', 0xee]);
    node.cancelInFlight();
    await settle();
    expect(stuck.state).toBe('ECANCELED');
  });
});

describe('action lie', () => {
  it('says that changes and flushes were done, and does none', async () => {
    const { guest, disk } = await openFaults([{ action: 'lie' }]);
    expect(guest.write(0, write(), { forceUnitAccess: true })).toBeInstanceOf(Promise);
    await guest.write(0, write());
    await guest.writeZeroes(0, 512);
    await guest.discard(0, 512);
    await guest.flush();
    expect(disk.calls).toEqual([]);
    await guest.read(0, new Uint8Array(512));
    expect(disk.operations).toEqual(['read']);
  });

  it('of FUA does the write, but does not make it durable', async () => {
    const { guest, disk, control } = await openFaults([{ action: 'lie', iotype: 'fua' }]);
    await guest.write(0, write(), { forceUnitAccess: true });
    await guest.writeZeroes(512, 512, { forceUnitAccess: true });
    await guest.write(1024, write());
    expect(disk.calls.map(({ options }) => options?.forceUnitAccess)).toEqual([
      false,
      false,
      false,
    ]);
    expect(control.receipts).toMatchObject([{ matched: 2, fired: 2 }]);
  });
});

describe('action torn', () => {
  it('writes the first bytes only, and succeeds', async () => {
    const { guest, disk } = await openFaults([{ action: 'torn', bytes: 1024 }]);
    await guest.write(0, write(4096));
    expect(disk.bytes.indexOf(0)).toBe(1024);
    disk.bytes.fill(1);
    await guest.writeZeroes(0, 4096);
    expect(disk.bytes.indexOf(1)).toBe(1024);
  });

  it('fails after that, where it has an error', async () => {
    const { guest, disk } = await openFaults([{ action: 'torn', bytes: 512, errno: 'EIO' }]);
    expect(await outcome(() => guest.write(0, write(4096)))).toBe('EIO');
    expect(disk.bytes.indexOf(0)).toBe(512);
  });

  it('does not befall what is no longer than that', async () => {
    const { guest, disk, control } = await openFaults([{ action: 'torn', bytes: 1024 }]);
    await guest.write(0, write(1024));
    expect(disk.bytes.indexOf(0)).toBe(1024);
    expect(control.receipts).toMatchObject([{ matched: 0, fired: 0 }]);
  });
});

describe('action misdirect', () => {
  it('writes and reads at another place', async () => {
    const rule = { action: 'misdirect', 'to-offset': 8192, range: { offset: 0, length: 4096 } };
    const { guest, disk } = await openFaults([rule]);
    await guest.write(0, write());
    expect(disk.calls).toMatchObject([{ operation: 'write', offset: 8192, length: 512 }]);
    const into = new Uint8Array(512);
    await guest.read(100, into);
    expect(into).toEqual(write());
    await guest.read(4096, into);
    expect(into).toEqual(new Uint8Array(512));
  });

  it('stays inside the disk', async () => {
    const rule = { action: 'misdirect', 'to-offset': 65_535, iotype: 'write' };
    const { guest, disk, control } = await openFaults([rule]);
    await guest.write(0, write(4096));
    expect(disk.calls).toMatchObject([{ operation: 'write', offset: 61_440, length: 4096 }]);
    // Here there is no other place.
    await guest.write(0, write(65_536));
    expect(disk.calls[1]).toMatchObject({ operation: 'write', offset: 0, length: 65_536 });
    expect(control.receipts).toMatchObject([{ fired: 1 }]);
  });
});

describe('action corrupt', () => {
  it('flips bits of what is read, and leaves the disk alone', async () => {
    const { guest, disk } = await openFaults([{ action: 'corrupt', xor: 0x01 }]);
    disk.bytes.set(pattern(512));
    const into = new Uint8Array(512);
    await guest.read(0, into);
    expect(into).toEqual(pattern(512).map((byte) => byte ^ 0x01));
    expect(disk.bytes.subarray(0, 512)).toEqual(pattern(512));
  });

  it('flips those of the range only, the same ones in every read', async () => {
    const { guest } = await openFaults([{ action: 'corrupt', sector: 2 }]);
    const into = new Uint8Array(4096);
    await guest.read(0, into);
    expect([into.indexOf(0xff), into.lastIndexOf(0xff)]).toEqual([1024, 1535]);
    const part = new Uint8Array(300);
    await guest.read(1400, part);
    expect([part.indexOf(0xff), part.lastIndexOf(0xff)]).toEqual([0, 135]);
  });

  it('corrupts nothing outside of a buffer', () => {
    const bytes = new Uint8Array(4);
    corrupt(bytes, 100, { xor: 255, range: { offset: 102, length: 1000 } });
    expect([...bytes]).toEqual([0, 0, 255, 255]);
    corrupt(bytes, 100, { xor: 255, range: { offset: 0, length: 101 } });
    expect([...bytes]).toEqual([255, 0, 255, 255]);
  });
});
