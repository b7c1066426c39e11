import { describe, expect } from 'vitest';
import type { CopyMode } from '../../src/jobs/mirror/options.ts';
import { interop } from '../support/tools.ts';
import type { Ext4Image } from './ext4-image.ts';
import { type GuestWorld, withGuest } from './mirrored-guest.ts';

/** `npm run guest` sets it: to boot Linux takes longer than any other test may. */
const isAskedFor = process.env['MIRRORDISK_GUEST'] !== undefined;
const TIMEOUT_MS = 300_000;
const COPY_MODES = ['background', 'write-blocking'] as const;
/** Of the copies while the guest is to make changes, in bytes a second. */
const SPEED = 4 * 1024 * 1024;

/** A test with a guest at work. */
function it(title: string, body: (world: GuestWorld) => Promise<void>): void {
  interop('qemu-system-x86_64', 'mke2fs', 'ldd', 'e2fsck', 'debugfs').it(
    title,
    (qemu, mke2fs, ldd, e2fsck, debugfs) => withGuest({ qemu, mke2fs, ldd, e2fsck, debugfs }, body),
    TIMEOUT_MS,
  );
}

/** Starts a mirror. @returns It, when source and target have met under the guest at work. */
async function mirrored({ guest, disk }: GuestWorld, target: Ext4Image, copyMode: CopyMode) {
  await guest.change(5);
  const mirror = await disk.mirror(target.path, { copyMode, speed: SPEED });
  await guest.change(10);
  expect(mirror.status).toBe('running');
  mirror.setSpeed(0);
  await mirror.ready;
  await guest.change(20);
  return mirror;
}

/** @returns How many changes may be on a disk that holds a moment of the time that `body` takes. */
async function changesDuring({ guest }: GuestWorld, body: () => Promise<unknown>) {
  const from = guest.history.acknowledged;
  await body();
  // What the guest announced before may still be on its way here.
  await guest.change(1);
  return { from, to: guest.history.announced };
}

describe.skipIf(!isAskedFor).each(COPY_MODES)('a Linux guest, copied in mode %s', (copyMode) => {
  it('is copied as it was at one moment, and goes on on another disk', async (world) => {
    const { guest, disk, source, copy, target } = world;
    const { history } = guest;
    const finishing = await mirrored(world, copy, copyMode);
    const atFinish = await changesDuring(world, () => finishing.finish());
    const switching = await mirrored(world, target, copyMode);
    const atSwitch = await changesDuring(world, () => switching.switch());
    await guest.change(20);
    const files = await guest.shutDown();
    await disk.close();

    await copy.recover();
    expect(history.faults(await copy.files('kept'), atFinish)).toEqual([]);
    await source.recover();
    expect(history.faults(await source.files('kept'), atSwitch)).toEqual([]);
    await target.check();
    expect(await target.files('kept', 'churned')).toEqual(files);
    const all = history.announced;
    expect(history.faults(await target.files('kept'), { from: all, to: all })).toEqual([]);
  });
});
