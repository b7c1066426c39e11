import { describe, expect, it } from 'vitest';
import { BlockGraph } from '../../src/block/graph.ts';
import { drivers } from '../../src/drivers/index.ts';
import type { Env } from '../../src/env/env.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { driverContract } from '../contract/driver-contract.ts';
import { settle, watch } from '../support/settle.ts';

driverContract({
  name: 'null-co',
  options: (size) => ({ driver: 'null-co', size }),
  keepsData: false,
});

driverContract({
  name: 'null-co that reads zeroes',
  options: (size) => ({ driver: 'null-co', size, 'read-zeroes': true }),
  keepsData: false,
});

driverContract({
  name: 'null-co with a latency',
  options: (size) => ({ driver: 'null-co', size, 'read-zeroes': true, 'latency-ns': 1 }),
  keepsData: false,
});

describe('null-co driver', () => {
  it('has a gibibyte by default', async () => {
    const disk = await open({});
    expect(disk.size).toBe(1024 ** 3);
  });

  it('leaves the buffer of a read as it is, and calls that data', async () => {
    const disk = await open({});
    const into = Uint8Array.of(1, 2, 3);
    expect(disk.read(0, into)).toBeUndefined();
    expect([...into]).toEqual([1, 2, 3]);
    expect(await disk.blockStatus(0, 4096)).toMatchObject({ data: true, zero: false });
  });

  it('reads zeroes if asked to, whatever was written', async () => {
    const disk = await open({ 'read-zeroes': true });
    await disk.write(0, Uint8Array.of(7, 7, 7));
    const into = Uint8Array.of(1, 2, 3);
    await disk.read(0, into);
    expect([...into]).toEqual([0, 0, 0]);
    expect(await disk.blockStatus(5, 4096)).toEqual({
      length: 4096,
      data: false,
      zero: true,
      allocated: true,
    });
  });

  it('zeroes and discards any length at once', async () => {
    const disk = await open({ size: 2 ** 53 - 1, discard: 'unmap' });
    await disk.writeZeroes(0, disk.size, { noFallback: true });
    await disk.discard(0, disk.size);
  });

  it('completes a request when the latency has passed, rounded up to a millisecond', async () => {
    const delays: number[] = [];
    const due: (() => void)[] = [];
    const real = nodeEnv();
    const after = (delayMs: number, callback: () => void) => {
      delays.push(delayMs);
      due.push(callback);
      return { cancel: () => {} };
    };
    const env: Env = { ...real, clock: { ...real.clock, after } };
    const disk = await open({ 'latency-ns': 1_000_001, discard: 'unmap' }, env);
    const requests = [
      watch(() => disk.read(0, new Uint8Array(512))),
      watch(() => disk.write(0, new Uint8Array(512))),
      watch(() => disk.writeZeroes(0, 512)),
      watch(() => disk.discard(0, 512)),
      watch(() => disk.flush()),
    ];
    await settle();
    expect(delays).toEqual([2, 2, 2, 2, 2]);
    expect(requests.map(({ state }) => state)).toEqual(Array(5).fill('pending'));
    for (const callback of due) callback();
    await settle();
    expect(requests.map(({ state }) => state)).toEqual(Array(5).fill('done'));
  });

  it('refuses a negative latency', async () => {
    await expect(open({ 'latency-ns': -1 })).rejects.toMatchObject({ code: 'EINVAL' });
  });
});

function open(options: object, env: Env = nodeEnv()) {
  return new BlockGraph(env, drivers).open({ driver: 'null-co', ...options });
}
