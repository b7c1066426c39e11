import { readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { BlockdevOptions } from '../../src/block/options.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { type BlockError, openDisk } from '../../src/index.ts';
import { Mirror, type MirrorOutcome } from '../../src/machine/mirror.ts';
import { pattern } from '../support/drivers.ts';
import { hookedFiles } from '../support/hooked-files.ts';
import { MachineRig, SIZE } from '../support/machine-rig.ts';
import { deferred } from '../support/settle.ts';
import { withFolder } from '../support/temporary.ts';

// What hangs is given up after a second of real time, and other tests may keep the machine busy.
vi.setConfig({ testTimeout: 30_000 });

const KiB = 1024;
const MEMORY = { driver: 'memory', size: 256 * KiB } as const;
/** Takes no write, ever. */
const HANGING: BlockdevOptions = {
  driver: 'blkdebug',
  image: MEMORY,
  'inject-error': [{ action: 'hang', iotype: 'write' }],
};

/** Lets everything go on that can at once. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** A disk in memory, all of it written. */
async function fullDisk() {
  const disk = await openDisk(MEMORY);
  await disk.write(0, pattern(256 * KiB));
  return disk;
}

describe('mirror.finish()', () => {
  it('refuses before source and target have met, and the mirror goes on', async () => {
    await using disk = await fullDisk();
    const mirror = await disk.mirror(MEMORY, { speed: KiB });
    await expect(mirror.finish()).rejects.toMatchObject({ code: 'EPERM' });
    expect(mirror.status).toBe('running');
    mirror.setSpeed(0);
    await mirror.ready;
    expect(await mirror.finish()).toEqual({ status: 'completed', switched: false });
  });
});

describe('mirror.switch()', () => {
  it('takes the guest to the target', async () => {
    await using disk = await fullDisk();
    const mirror = await disk.mirror(MEMORY);
    await mirror.ready;
    expect(await mirror.switch()).toEqual({ status: 'completed', switched: true });
    expect(await disk.read(0, 4 * KiB)).toEqual(pattern(4 * KiB));
  });

  it('refuses before source and target have met', async () => {
    await using disk = await fullDisk();
    const mirror = await disk.mirror(MEMORY, { speed: KiB });
    await expect(mirror.switch()).rejects.toMatchObject({ code: 'EPERM' });
    await mirror.abort();
  });
});

describe('mirror.abort()', () => {
  it('ends a mirror whose target hangs, and so does the closing of the disk', async () => {
    const disk = await fullDisk();
    const mirror = await disk.mirror(HANGING);
    await turns();
    const startMs = nodeEnv().clock.nowMs();
    expect(await mirror.abort()).toEqual({ status: 'cancelled' });
    expect(nodeEnv().clock.nowMs() - startMs).toBeLessThan(10_000);
    expect(await disk.read(0, 512)).toEqual(pattern(512));
    await disk.close();
  });

  it('lets go of a guest write that waits for a target that hangs', async () => {
    const disk = await openDisk(MEMORY);
    const mirror = await disk.mirror(HANGING, { copyMode: 'write-blocking' });
    await mirror.ready;
    const write = disk.write(0, pattern(4 * KiB));
    await turns();
    await mirror.abort();
    await write;
    expect(await disk.read(0, 4 * KiB)).toEqual(pattern(4 * KiB));
    await disk.close();
  });

  it('of a target that hangs needs no call when the disk is closed', async () => {
    const disk = await fullDisk();
    const mirror = await disk.mirror(HANGING);
    await turns();
    await disk.close();
    expect(await mirror.finished).toEqual({ status: 'cancelled' });
  });

  it('ends even where requests of the target cannot be ended', () =>
    withFolder(async (folder) => {
      const image = join(folder, 'disk.img');
      await writeFile(image, pattern(256 * KiB));
      const hung = deferred();
      const files = hookedFiles(nodeEnv().files, ({ operation, path }) => {
        if (operation !== 'write' || !path.includes('copy')) return undefined;
        hung.resolve();
        return new Promise(() => {});
      });
      const disk = await openDisk(image, { env: { ...nodeEnv(), files } });
      const mirror = await disk.mirror(join(folder, 'copy.img'));
      await hung.promise;
      expect(await mirror.abort()).toEqual({ status: 'cancelled' });
      expect(readdirSync(folder)).toEqual(['disk.img']);
      await disk.write(0, pattern(512, 9));
      await disk.close();
    }));
});

describe('mirror.setCopyMode()', () => {
  it('has guest writes reach the target at once, from now on', async () => {
    await using disk = await fullDisk();
    const mirror = await disk.mirror(MEMORY);
    await mirror.ready;
    expect(mirror.progress.activelySynced).toBe(false);
    mirror.setCopyMode('write-blocking');
    expect(mirror.progress.activelySynced).toBe(true);
    await disk.write(0, pattern(4 * KiB, 9));
    expect(mirror.progress).toMatchObject({ remaining: 0, activelySynced: true });
    await mirror.switch();
    expect(await disk.read(0, 4 * KiB)).toEqual(pattern(4 * KiB, 9));
    expect(() => mirror.setCopyMode('background')).toThrow('cannot accept command verb');
  });
});

describe('mirror.finalize()', () => {
  it('lets a result count that waits for it, and no other', async () => {
    await using disk = await fullDisk();
    const mirror = await disk.mirror(MEMORY, { autoFinalize: false });
    expect(() => mirror.finalize()).toThrow('cannot accept command verb');
    await mirror.ready;
    const switched = mirror.switch();
    for await (const { event } of mirror.events()) if (event === 'BLOCK_JOB_PENDING') break;
    expect(mirror.state).toMatchObject({ status: 'pending', autoFinalize: false });
    mirror.finalize();
    expect(await switched).toEqual({ status: 'completed', switched: true });
  });
});

describe('mirror.state', () => {
  it('is what a query tells: status, progress, limits', async () => {
    await using disk = await fullDisk();
    const mirror = await disk.mirror(MEMORY, { id: 'copy', speed: KiB });
    expect(mirror.state).toMatchObject({
      type: 'mirror',
      device: 'copy',
      status: 'running',
      ready: false,
      paused: false,
      ioStatus: 'ok',
      speed: KiB,
    });
    mirror.setSpeed(0);
    await mirror.ready;
    expect(mirror.state).toMatchObject({ status: 'ready', ready: true, speed: 0 });
    await mirror.abort();
    expect(mirror.state).toMatchObject({ status: 'null', busy: false });
  });
});

describe('a mirror to a disk that is full', () => {
  const FULL = [{ id: 'full', iotype: 'write', errno: 28, 'limit-bytes': SIZE / 2 }];
  const ENOSPC = { onTargetError: 'enospc', bufSize: 4 * KiB } as const;
  const upkeep = () => {
    const ended: MirrorOutcome[] = [];
    return { ended, met: async () => {}, note: async (end: MirrorOutcome) => void ended.push(end) };
  };

  async function filled(rig: MachineRig) {
    await rig.open('source');
    const { control } = await rig.openFaulty('target', FULL, { start: 100 });
    const start = { id: 'job0', source: 'source', target: 'target', granularity: 4 * KiB };
    const { met, note, ended } = upkeep();
    const mirror = await Mirror.start(
      rig.machine,
      { ...start, ...ENOSPC },
      { met, ended: (outcome) => note(outcome) },
    );
    await rig.runUntil(() => mirror.status === 'paused');
    return { control, mirror, ended };
  }

  it('pauses for it and says why, and completes once there is room and it is resumed', async () => {
    await using rig = new MachineRig();
    const { control, mirror, ended } = await filled(rig);
    expect(mirror.state).toMatchObject({ ioStatus: 'nospace', paused: true, status: 'paused' });
    const reasons = rig.events.flatMap((event) =>
      event.event === 'JOB_STATUS_CHANGE' && event.data.status === 'paused' ? [event.reason] : [],
    );
    expect(reasons).toEqual([expect.stringMatching(/^an error: Cannot write .*"target": /)]);
    control.disarm('full');
    mirror.resume();
    expect(mirror.state.ioStatus).toBe('ok');
    await rig.runUntil(() => mirror.status === 'ready');
    const finished = mirror.finish();
    await rig.runUntil(() => mirror.status === 'null');
    expect(await finished).toEqual({ status: 'completed', switched: false });
    expect(ended).toEqual([{ status: 'completed', switched: false }]);
    expect(rig.disk('target-disk').bytes).toEqual(rig.disk('source').bytes);
  });

  it('pauses again when it is resumed too soon', async () => {
    await using rig = new MachineRig();
    const { mirror } = await filled(rig);
    const { offset } = mirror.progress;
    mirror.resume();
    await rig.runUntil(() => rig.told.filter((word) => word === 'paused').length === 2);
    expect(mirror.state).toMatchObject({ ioStatus: 'nospace', offset });
    const aborted = mirror.abort();
    await rig.runUntil(() => mirror.status === 'null');
    expect(await aborted).toEqual({ status: 'cancelled' });
  });

  it('fails with any other error', async () => {
    await using rig = new MachineRig();
    await rig.open('source');
    await rig.openFaulty('target', [{ errno: 5, iotype: 'write' }], { start: 100 });
    const start = { id: 'job0', source: 'source', target: 'target', ...ENOSPC };
    const mirror = await Mirror.start(rig.machine, start, {
      met: async () => {},
      ended: async () => {},
    });
    await rig.runUntil(() => mirror.status === 'null');
    const outcome = await mirror.finished;
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'EIO' } });
    await expect(mirror.ready).rejects.toSatisfy((error: BlockError) => error.code === 'EIO');
  });
});
