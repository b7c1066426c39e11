/** Disks that take whole blocks only: a write of less is a read, a change and a write. */

import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { pattern } from '../support/drivers.ts';
import { MachineRig } from '../support/machine-rig.ts';
import { settle } from '../support/settle.ts';

const SIZE = 32 * 1024;
const REQUESTS = 40;
const ALL = ['writeZeroes', 'discard', 'blockStatus'] as const;

interface World {
  readonly seed: number;
  readonly granularity: number;
  /** Bytes of a block of the source and of the target. */
  readonly blocks: readonly [source: number, target: number];
  readonly copyMode: 'background' | 'write-blocking';
}

/** A mirror among overlapping requests, completed in an order that a seed decides. */
async function run({ seed, granularity, blocks, copyMode }: World): Promise<void> {
  await using rig = new MachineRig();
  const random = seededRandom(seed);
  const [sourceBlock, targetBlock] = blocks;
  const operations = seed % 2 === 0 ? ALL : [];
  const plain = { size: SIZE, forceUnitAccess: false, operations };
  const source = await rig.open('source', { ...plain, alignment: sourceBlock });
  const target = await rig.open('target', { ...plain, alignment: targetBlock, start: 100 });
  const equal: boolean[] = [];
  rig.onEvent = ({ event }) => {
    if (event !== 'BLOCK_JOB_READY' && event !== 'BLOCK_JOB_COMPLETED') return;
    equal.push(Buffer.compare(source.bytes, target.bytes) === 0);
  };
  const device = rig.plug('source');
  source.gate.mode = 'held';
  target.gate.mode = 'held';
  const { job } = await rig.mirror({ granularity, copyMode, bufSize: 8192 });
  let begun = 0;
  let ended = 0;
  const begin = async () => {
    begun += 1;
    const sector = random.below(SIZE / 512 - 12);
    const sectors = 1 + random.below(12);
    const segments = [{ sector, sectors, unmap: false }];
    const kind = random.below(4);
    const status = await device.request(
      kind === 0
        ? { type: 'writeZeroes', segments }
        : kind === 1 && operations.length > 0
          ? { type: 'discard', segments }
          : { type: 'out', sector, data: pattern(sectors * 512, random.below(250)) },
    );
    expect(status).toBe(0);
    ended += 1;
  };
  for (let step = 0; job.status !== 'null' || ended < REQUESTS; step += 1) {
    if (step > 40_000) throw new Error(`It does not end: ${rig.told.join(' ')}`);
    await settle();
    if (job.status === 'ready' && begun > REQUESTS / 2 && job.ending === undefined) {
      job.cancel({ force: false });
    }
    const held = [...source.gate.held, ...target.gate.held];
    const chosen = held[random.below(Math.max(held.length, 1))];
    if (begun < REQUESTS && random.below(6) === 0) void begin();
    else if (chosen) chosen.complete();
    else await rig.clock.advance(10);
  }
  expect(equal, `seed ${seed}`).toEqual([true, true]);
}

describe('a mirror between disks with blocks', () => {
  const blocks = [
    [512, 4096],
    [4096, 512],
    [4096, 4096],
  ] as const;

  for (const copyMode of ['background', 'write-blocking'] as const) {
    it.each(blocks)(
      `of %i and %i bytes leaves both equal, whatever the granularity: ${copyMode}`,
      async (...pair) => {
        for (let seed = 0; seed < 20; seed += 1) {
          for (const granularity of [512, 8192]) {
            await run({ seed, granularity, blocks: pair, copyMode });
          }
        }
      },
    );
  }
});
