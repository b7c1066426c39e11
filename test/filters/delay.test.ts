import { describe, expect, it } from 'vitest';
import { driverContract } from '../contract/driver-contract.ts';
import { begin, openFilter, outcome } from '../support/fault-rig.ts';
import { settle } from '../support/settle.ts';

driverContract({
  name: 'delay without delays',
  options: (size) => ({ driver: 'delay', image: { driver: 'memory', size } }),
});

driverContract({
  name: 'delay of a disk with sectors of 4 KiB',
  options: (size) => ({
    driver: 'delay',
    image: { driver: 'blkdebug', align: 4096, image: { driver: 'memory', size } },
    'flush-ms': 0.01,
    'zeroes-ms': 0.01,
    'discard-ms': 0.01,
    'p99-factor': 10,
  }),
});

const bytes = () => new Uint8Array(512);

/** How long each of many requests was under way, in milliseconds. */
async function times(count: number, options: object): Promise<readonly number[]> {
  const { guest, clock, node } = await openFilter({ driver: 'delay', ...options });
  const found: number[] = [];
  const startMs = clock.nowMs();
  for (let index = 0; index < count; index += 1) {
    const read = async () => {
      await guest.read(0, bytes());
      found.push(clock.nowMs() - startMs);
    };
    void read();
  }
  while (node.inFlight > 0) await clock.advance(1000);
  return found.sort((a, b) => a - b);
}

describe('delay', () => {
  it('delays each kind of request by its own time', async () => {
    const { guest, disk, clock } = await openFilter({
      driver: 'delay',
      'read-ms': 1,
      'write-ms': 2,
      'zeroes-ms': 3,
      'discard-ms': 4,
      'flush-ms': 5,
    });
    const begun = [
      begin(() => guest.flush()),
      begin(() => guest.discard(0, 512)),
      begin(() => guest.writeZeroes(0, 512)),
      begin(() => guest.write(0, bytes())),
      begin(() => guest.read(0, bytes())),
    ];
    const order = ['read', 'write', 'writeZeroes', 'discard', 'flush'];
    for (let elapsedMs = 0; elapsedMs <= 5; elapsedMs += 1) {
      await settle();
      expect(disk.operations).toEqual(order.slice(0, elapsedMs));
      expect(begun.filter(({ state }) => state === 'done').length).toBe(elapsedMs);
      await clock.advance(1);
    }
    expect(clock.timers).toBe(0);
  });

  it('stays synchronous for what has no delay', async () => {
    const { guest, node, below } = await openFilter({ driver: 'delay', 'write-ms': 1 });
    expect(guest.read(0, bytes())).toBeUndefined();
    expect(guest.flush()).toBeUndefined();
    expect(guest.blockStatus(0, 512)).not.toBeInstanceOf(Promise);
    expect(node.filtered).toBe(below);
  });

  it('passes on flags, and who began a request', async () => {
    const upper = { driver: 'blkdebug', image: 'below', 'inject-error': [{ initiator: 'guest' }] };
    const { guest, disk, job } = await openFilter({ driver: 'delay', image: upper });
    const each = [
      () => guest.read(0, bytes()),
      () => guest.write(0, bytes()),
      () => guest.writeZeroes(0, 512),
      () => guest.discard(0, 512),
      () => guest.flush(),
    ];
    for (const request of each) expect(await outcome(request)).toBe('EIO');
    await job.write(0, bytes(), { forceUnitAccess: true });
    await job.writeZeroes(0, 512, { forceUnitAccess: true, mayUnmap: true, noFallback: true });
    expect(disk.calls.map(({ options }) => options)).toEqual([
      { forceUnitAccess: true },
      { forceUnitAccess: true, mayUnmap: true, noFallback: true },
    ]);
  });

  it('is not longer for one request because of another', async () => {
    expect(await times(50, { 'read-ms': 7 })).toEqual(Array.from({ length: 50 }, () => 7));
  });

  it('varies about the median by the factor of the slowest in a hundred', async () => {
    const found = await times(4000, { 'read-ms': 10, 'p99-factor': 8, seed: 3 });
    const quantile = (part: number) => found[Math.floor(found.length * part)] ?? 0;
    expect(quantile(0.5)).toBeGreaterThan(9.5);
    expect(quantile(0.5)).toBeLessThan(10.5);
    expect(quantile(0.99)).toBeGreaterThan(65);
    expect(quantile(0.99)).toBeLessThan(95);
    expect(quantile(0.01)).toBeGreaterThan(1);
    expect(quantile(0.01)).toBeLessThan(1.6);
    expect(found.at(-1)).toBeLessThanOrEqual(640);
  });

  it('is the same for the same seed, and another for another', async () => {
    const options = { 'read-ms': 10, 'p99-factor': 8 };
    const first = await times(20, { ...options, seed: 3 });
    expect(await times(20, { ...options, seed: 3 })).toEqual(first);
    expect(await times(20, { ...options, seed: 4 })).not.toEqual(first);
  });

  it('ends at once for what is cancelled, and leaves no timer', async () => {
    const { guest, node, clock, disk } = await openFilter({ driver: 'delay', 'write-ms': 1000 });
    const begun = begin(() => guest.write(0, bytes()));
    await settle();
    node.cancelInFlight();
    await settle();
    expect([begun.state, clock.timers, disk.calls.length]).toEqual(['ECANCELED', 0, 0]);
    const later = begin(() => guest.write(0, bytes()));
    await clock.advance(1000);
    await settle();
    expect(later.state).toBe('done');
  });

  it('leaves nothing waiting when it closes', async () => {
    const { driver, clock } = await openFilter({ driver: 'delay', 'flush-ms': 1000 });
    const begun = begin(() => driver.flush());
    await driver.close();
    await settle();
    expect([begun.state, clock.timers]).toEqual(['ECANCELED', 0]);
  });

  it('refuses times that no timer can wait, and factors below 1', async () => {
    const refusal = (options: object) => openFilter({ driver: 'delay', ...options });
    await expect(refusal({ 'read-ms': 2 ** 31 })).rejects.toThrow(/'read-ms' expects a value/);
    await expect(refusal({ 'p99-factor': 0.5 })).rejects.toThrow(/'p99-factor' expects a value/);
    await expect(refusal({ 'p99-factor': 2, seed: -1 })).rejects.toThrow(/'seed' expects/);
  });
});
