import { describe, expect, it } from 'vitest';
import { openFaults, outcome } from '../support/fault-rig.ts';

const bytes = (length = 512) => new Uint8Array(length);

/** Repeats a request and says how each ended. */
async function outcomes(times: number, start: () => unknown): Promise<readonly string[]> {
  const found = [];
  for (let time = 0; time < times; time += 1) found.push(await outcome(start));
  return found;
}

describe('which requests a rule is for', () => {
  it('those of its iotype', async () => {
    const { guest } = await openFaults([{ iotype: 'flush' }]);
    expect(await outcome(() => guest.write(0, bytes()))).toBe('done');
    expect(await outcome(() => guest.flush())).toBe('EIO');
  });

  it('of the iotype "fua" those writes that are to be durable', async () => {
    const { guest } = await openFaults([{ iotype: 'fua' }]);
    expect(await outcome(() => guest.write(0, bytes()))).toBe('done');
    expect(await outcome(() => guest.write(0, bytes(), { forceUnitAccess: true }))).toBe('EIO');
    expect(await outcome(() => guest.writeZeroes(0, 1, { forceUnitAccess: true }))).toBe('EIO');
    expect(await outcome(() => guest.flush())).toBe('done');
  });

  it('those that touch its sector, and no flush', async () => {
    const { guest } = await openFaults([{ sector: 3 }]);
    const at = (offset: number, length: number) => outcome(() => guest.read(offset, bytes(length)));
    expect(await at(0, 1536)).toBe('done');
    expect(await at(0, 1537)).toBe('EIO');
    expect(await at(2047, 1)).toBe('EIO');
    expect(await at(2048, 512)).toBe('done');
    expect(await outcome(() => guest.flush())).toBe('done');
  });

  it('those that touch its range', async () => {
    const { guest } = await openFaults([{ range: { offset: 1000, length: 10 } }]);
    expect(await outcome(() => guest.write(1009, bytes(1)))).toBe('EIO');
    expect(await outcome(() => guest.write(1010, bytes(1)))).toBe('done');
    expect(await outcome(() => guest.discard(0, 1000))).toBe('done');
  });

  it('those of its initiator', async () => {
    const read = (edge: { read(offset: number, into: Uint8Array): unknown }) =>
      outcome(() => edge.read(0, bytes()));
    const { guest, job, node, control } = await openFaults([{ id: 'a', initiator: 'guest' }]);
    expect([await read(guest), await read(job), await read(node)]).toEqual(['EIO', 'done', 'done']);
    control.disarm('a');
    control.arm({ id: 'b', initiator: 'job' });
    expect([await read(guest), await read(job), await read(node)]).toEqual(['done', 'EIO', 'done']);
    control.disarm('b');
    control.arm({ initiator: 'node' });
    expect([await read(guest), await read(job), await read(node)]).toEqual(['done', 'done', 'EIO']);
  });

  it('those that begin in its time, which counts from the opening of the filter', async () => {
    const { guest, clock, control } = await openFaults([{ 'from-ms': 100, 'until-ms': 200 }]);
    const flush = () => outcome(() => guest.flush());
    clock.pass(99);
    expect([await flush(), control.receipts[0]?.armed]).toEqual(['done', true]);
    clock.pass(1);
    expect([await flush(), control.receipts[0]?.requests[0]?.atMs]).toEqual(['EIO', 100]);
    clock.pass(99);
    expect([await flush(), control.receipts[0]?.armed]).toEqual(['EIO', true]);
    clock.pass(1);
    expect([await flush(), control.receipts[0]?.armed]).toEqual(['done', false]);
  });

  it('those that no rule before it has taken', async () => {
    const rules = [{ iotype: 'read', errno: 'ENOSPC' }, { errno: 'EIO' }];
    const { guest, control } = await openFaults(rules);
    expect(await outcome(() => guest.read(0, bytes()))).toBe('ENOSPC');
    expect(await outcome(() => guest.flush())).toBe('EIO');
    expect(control.receipts.map(({ matched }) => matched)).toEqual([1, 1]);
  });

  it('with limit-bytes, the writes by which there would be more than that', async () => {
    const { guest, control } = await openFaults([{ 'limit-bytes': 1024 }]);
    expect(await outcome(() => guest.write(0, bytes(600)))).toBe('done');
    expect(await outcome(() => guest.write(0, bytes(600)))).toBe('ENOSPC');
    expect(await outcome(() => guest.writeZeroes(0, 424))).toBe('done');
    expect(await outcome(() => guest.writeZeroes(0, 1))).toBe('ENOSPC');
    expect(await outcome(() => guest.read(0, bytes(4096)))).toBe('done');
    expect(await outcome(() => guest.flush())).toBe('done');
    expect(control.receipts).toMatchObject([{ matched: 2, fired: 2 }]);
  });
});

describe('how often a rule fires', () => {
  it('once, or as often as it says', async () => {
    const once = await openFaults([{ once: true }]);
    expect(await outcomes(3, () => once.guest.flush())).toEqual(['EIO', 'done', 'done']);
    expect(once.control.receipts).toMatchObject([{ armed: false, matched: 1, fired: 1 }]);
    const twice = await openFaults([{ count: 2 }]);
    expect(await outcomes(3, () => twice.guest.flush())).toEqual(['EIO', 'EIO', 'done']);
  });

  it('not for the first that it is to skip', async () => {
    const { guest, control } = await openFaults([{ skip: 2, count: 1 }]);
    expect(await outcomes(4, () => guest.flush())).toEqual(['done', 'done', 'EIO', 'done']);
    expect(control.receipts).toMatchObject([{ matched: 3, fired: 1 }]);
  });

  it('with its probability, the same each time for the same seed', async () => {
    const run = async (seed: number) => {
      const { guest } = await openFaults([{ probability: 0.25 }, { probability: 0.5 }], { seed });
      return outcomes(400, () => guest.flush());
    };
    const first = await run(5);
    expect(await run(5)).toEqual(first);
    expect(await run(6)).not.toEqual(first);
    const failed = first.filter((state) => state === 'EIO').length;
    expect(failed / 400).toBeCloseTo(1 - 0.75 * 0.5, 1);
  });

  it('by a chance of its own, which other rules do not disturb', async () => {
    const chancy = { probability: 0.5, iotype: 'flush' };
    const alone = await openFaults([chancy]);
    const among = await openFaults([chancy, { probability: 0.5, iotype: 'read' }]);
    const expected = await outcomes(40, () => alone.guest.flush());
    const found: string[] = [];
    for (let time = 0; time < 40; time += 1) {
      await outcome(() => among.guest.read(0, bytes()));
      found.push(await outcome(() => among.guest.flush()));
    }
    expect(found).toEqual(expected);
  });

  it('no more once it is disarmed', async () => {
    const { guest, control } = await openFaults([{ id: 'bad' }]);
    expect(await outcome(() => guest.flush())).toBe('EIO');
    control.disarm('bad');
    expect(await outcome(() => guest.flush())).toBe('done');
    expect(control.receipts).toMatchObject([{ id: 'bad', armed: false, fired: 1 }]);
  });
});
