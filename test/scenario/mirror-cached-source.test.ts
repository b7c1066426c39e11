/** A disk behind a volatile write cache: what was written to it is not on the disk below yet. */

import { describe, expect, it } from 'vitest';
import { MachineRig, SIZE } from '../support/machine-rig.ts';

const AT = 16 * 1024;
const WRITTEN = new Uint8Array(4096).fill(0x5a);

/** A memory disk, all holes, behind a write cache. */
function cached(name: string) {
  const image = { driver: 'memory', size: SIZE };
  return { driver: 'write-cache', 'node-name': name, image };
}

async function readTarget(rig: MachineRig): Promise<Uint8Array> {
  const bytes = new Uint8Array(WRITTEN.length);
  await rig.node('target').read(AT, bytes);
  return bytes;
}

describe('a mirror of a disk behind a write cache', () => {
  it('copies what the cache holds back when the mirror begins', async () => {
    await using rig = new MachineRig();
    await rig.machine.graph.open(cached('source'));
    await rig.machine.graph.open({ driver: 'memory', 'node-name': 'target', size: SIZE });
    await rig.node('source').write(AT, WRITTEN);
    await rig.readyMirror();
    expect(await readTarget(rig)).toEqual(WRITTEN);
  });

  it('copies what the cache holds back of a write that comes while it runs', async () => {
    await using rig = new MachineRig();
    await rig.machine.graph.open(cached('source'));
    await rig.machine.graph.open({ driver: 'memory', 'node-name': 'target', size: SIZE });
    const { job } = await rig.readyMirror();
    await rig.node('source').write(AT, WRITTEN);
    job.cancel({ force: false });
    await rig.runUntil(() => job.status === 'null');
    expect(await readTarget(rig)).toEqual(WRITTEN);
  });

  it('zeroes on the target what the cache of the target holds of an earlier use', async () => {
    await using rig = new MachineRig();
    await rig.machine.graph.open({ driver: 'memory', 'node-name': 'source', size: SIZE });
    await rig.machine.graph.open(cached('target'));
    await rig.node('target').write(AT, WRITTEN);
    await rig.readyMirror();
    expect(await readTarget(rig)).toEqual(new Uint8Array(WRITTEN.length));
  });
});
