/** Each promise broken once by a world with a defect in it, and found. */

import { describe, expect, it } from 'vitest';
import type { BlockDriver } from '../../../src/block/driver.ts';
import { RecordingGuide } from '../../../src/sim/chooser.ts';
import { seededChooser } from '../../../src/sim/choosers/seeded.ts';
import type { SimDisk } from '../../../src/sim/disk.ts';
import type { Invariant } from '../../../src/sim/oracle/violation.ts';
import { type ScenarioParts, scenario } from '../../../src/sim/scenario.ts';
import { World } from '../../../src/sim/world.ts';
import { settle } from '../../support/settle.ts';
import { replaced } from '../broken.ts';
import { FLUSH, read, write } from '../worlds.ts';

/** What breaks a world: a driver that does less than it should. */
type Breaking = (disk: SimDisk) => Partial<BlockDriver>;

/** Runs a broken world under some seeds. @returns What was found, each once. */
async function find(parts: ScenarioParts, breaking: Breaking): Promise<ReadonlySet<Invariant>> {
  const found = new Set<Invariant>();
  for (let seed = 0; seed < 40; seed += 1) {
    const guide = new RecordingGuide(seededChooser(seed));
    const wrap = (disk: SimDisk) => replaced(disk, breaking(disk));
    const world = new World(scenario(parts), { settle, guide, wrap });
    const { violation } = await world.run();
    if (violation) found.add(violation.invariant);
  }
  return found;
}

const WRITES: ScenarioParts = { guest: { requests: [write(0), write(1), read(0, 2)] } };

describe('the oracle finds', () => {
  it('a target that drops a write', async () => {
    const found = await find(WRITES, ({ name }) =>
      name === 'target' ? { write: async () => {} } : {},
    );
    expect(found).toContain('I1 clean ranges are equal');
  });

  it('a source that drops the writes of the guest', async () => {
    const dropping: Breaking = (disk) => {
      if (disk.name === 'target') return {};
      return { write: (offset, from) => disk.read(offset, from.slice()) };
    };
    const found = await find({ guest: { requests: [write(0)] } }, dropping);
    expect(found).toContain('I9 completed is equal');
  });

  it('a source that reads what was before', async () => {
    const stale: Breaking = (disk) => {
      const before = disk.bytes.slice();
      if (disk.name === 'target') return {};
      return {
        async read(offset, into, origin) {
          await disk.read(offset, into, origin);
          into.set(before.subarray(offset, offset + into.length));
        },
      };
    };
    const requests = [write(0), read(0)];
    expect(await find({ guest: { requests, depth: 1 } }, stale)).toContain(
      'reads are linearisable',
    );
  });

  it('a target that lies about a flush', async () => {
    const lying: Breaking = ({ name }) => (name === 'target' ? { flush: async () => {} } : {});
    expect(await find({}, lying)).toContain('I7 ready is true');
  });

  it('a disk that forgets at a power cut what it has flushed', async () => {
    const forgetful: Breaking = (disk) => ({
      // What it reads is not written back, so nothing gets durable.
      flush: (origin) => disk.read(0, new Uint8Array(512), origin),
    });
    const parts: ScenarioParts = {
      sectors: 1,
      guest: { requests: [write(0), FLUSH], depth: 1 },
      faults: [{ type: 'power-cut' }],
    };
    expect(await find(parts, forgetful)).toContain('flushed writes are durable');
  });

  it('a request that is never answered', async () => {
    const silent: Breaking = ({ name }) =>
      name === 'target' ? { write: () => new Promise(() => {}) } : {};
    expect(await find({}, silent)).toEqual(new Set(['I17 everything ends']));
  });

  it('a bitmap that somebody clears', async () => {
    const found = new Set<Invariant>();
    for (let seed = 0; seed < 40; seed += 1) {
      const guide = new RecordingGuide(seededChooser(seed));
      const world: World = new World(scenario(WRITES), {
        settle,
        guide,
        wrap: (disk) =>
          replaced(disk, {
            async read(offset, into, origin) {
              await disk.read(offset, into, origin);
              clear(world.mirror?.inspect().dirty);
            },
          }),
      });
      const { violation } = await world.run();
      if (violation) found.add(violation.invariant);
    }
    expect(found).toContain('I1 clean ranges are equal');
  });

  it('a defect of the program, which is no error of a disk', async () => {
    const defective: Breaking = ({ name }) => {
      if (name === 'source') return {};
      return { flush: () => Promise.reject(new Error('Assertion failed: two is two')) };
    };
    expect(await find({}, defective)).toEqual(new Set(['the program is right about itself']));
  });

  it('nothing in a world that is whole', async () => {
    expect(await find(WRITES, () => ({}))).toEqual(new Set());
  });
});

/** Clears a bitmap behind the back of its mirror. */
function clear(dirty: object | undefined): void {
  if (dirty && 'clearAll' in dirty && typeof dirty.clearAll === 'function') dirty.clearAll();
}
