import { describe, expect, it } from 'vitest';
import { CommandRig, NULL_DISK } from '../../../support/command-rig.ts';

const B = { node: 'disk', name: 'b' };
const IN_USE = "Bitmap 'b' is currently in use by another operation and cannot be used";

async function withBitmap(): Promise<CommandRig> {
  const rig = await CommandRig.open('disk');
  await rig.ask('block-dirty-bitmap-add', { ...B, granularity: 4096 });
  return rig;
}

function write(rig: CommandRig, offset: number): unknown {
  return rig.machine.graph.find('disk').write(offset, new Uint8Array(512));
}

async function dirtyIn(rig: CommandRig, name = 'b'): Promise<number> {
  return rig.machine.bitmaps.get(rig.machine.graph.find('disk'), name).dirtyBytes;
}

describe('a dirty bitmap', () => {
  it('is told of with its node, the newest first', async () => {
    await using rig = await withBitmap();
    await rig.ask('block-dirty-bitmap-add', { node: 'disk', name: 'c', disabled: true });
    await write(rig, 0);
    expect(await rig.ask('query-named-block-nodes')).toMatchObject([
      {
        'dirty-bitmaps': [
          { name: 'c', count: 0, granularity: 65_536, recording: false, busy: false },
          { name: 'b', count: 4096, granularity: 4096, recording: true, persistent: false },
        ],
      },
    ]);
  });

  it('is disabled, enabled, cleared and removed', async () => {
    await using rig = await withBitmap();
    await rig.ask('block-dirty-bitmap-disable', B);
    await write(rig, 0);
    expect(await dirtyIn(rig)).toBe(0);
    await rig.ask('block-dirty-bitmap-enable', B);
    await write(rig, 0);
    expect(await dirtyIn(rig)).toBe(4096);
    await rig.ask('block-dirty-bitmap-clear', B);
    expect(await dirtyIn(rig)).toBe(0);
    await rig.ask('block-dirty-bitmap-remove', B);
    expect(await rig.ask('block-dirty-bitmap-clear', B)).toBe("Dirty bitmap 'b' not found");
  });

  it('is found by the drive that its node is in', async () => {
    await using rig = await withBitmap();
    const { drives, graph } = rig.machine;
    drives.add({ name: 'drive' }).insert(graph.find('disk'));
    await rig.ask('block-dirty-bitmap-disable', { ...B, node: 'drive' });
    await write(rig, 0);
    expect(await dirtyIn(rig)).toBe(0);
    const empty = { ...B, node: drives.add({ name: 'empty' }).name };
    expect(await rig.ask('block-dirty-bitmap-clear', empty)).toBe("Node 'empty' not found");
  });

  it('has a fingerprint', async () => {
    await using rig = await CommandRig.open('disk');
    await rig.ask('block-dirty-bitmap-add', B);
    // Of QEMU 7.2, for a mebibyte.
    const sha256 = 'af5570f5a1810b7af78caf4bc70a660f0df51e42baf91d4de5b2328de0e83dfc';
    expect(await rig.ask('x-debug-block-dirty-bitmap-sha256', B)).toEqual({ sha256 });
  });

  it('takes on what is dirty in others, of the same node or another', async () => {
    await using rig = await withBitmap();
    await rig.ask('blockdev-add', { ...NULL_DISK, 'node-name': 'other' });
    await rig.ask('block-dirty-bitmap-add', { node: 'other', name: 'o' });
    await rig.ask('block-dirty-bitmap-add', { node: 'disk', name: 'c' });
    await write(rig, 0);
    await rig.machine.graph.find('other').write(65_536, new Uint8Array(512));
    await rig.ask('block-dirty-bitmap-clear', B);
    const bitmaps = ['c', { node: 'other', name: 'o' }];
    expect(
      await rig.ask('block-dirty-bitmap-merge', { node: 'disk', target: 'b', bitmaps }),
    ).toEqual({});
    expect(await dirtyIn(rig)).toBe(2 * 65_536);
  });

  it('is not merged from one of another size', async () => {
    await using rig = await withBitmap();
    await rig.ask('blockdev-add', { driver: 'null-co', 'node-name': 'large', size: 2_097_152 });
    await rig.ask('block-dirty-bitmap-add', { node: 'large', name: 'l' });
    const bitmaps = [{ node: 'large', name: 'l' }];
    const sizes = 'destination size is 1048576, source size is 2097152';
    expect(await rig.ask('block-dirty-bitmap-merge', { node: 'disk', target: 'b', bitmaps })).toBe(
      `Bitmaps are of different sizes (${sizes}) and can't be merged`,
    );
  });

  it('that somebody uses is not touched', async () => {
    await using rig = await withBitmap();
    const { bitmaps, graph } = rig.machine;
    bitmaps.claim(bitmaps.get(graph.find('disk'), 'b'));
    for (const verb of ['clear', 'enable', 'disable', 'remove']) {
      expect(await rig.ask(`block-dirty-bitmap-${verb}`, B)).toBe(IN_USE);
    }
    expect(
      await rig.ask('block-dirty-bitmap-merge', { node: 'disk', target: 'b', bitmaps: [] }),
    ).toBe(IN_USE);
  });

  it.each([
    [{ node: 'none', name: 'x' }, "Cannot find device='none' nor node-name='none'"],
    [{ node: 'disk', name: '' }, 'Bitmap name cannot be empty'],
    [{ node: 'disk', name: 'b' }, 'Bitmap already exists: b'],
    [
      { node: 'disk', name: 'x', granularity: 3 },
      'Granularity must be power of 2 and at least 512',
    ],
    [
      { node: 'disk', name: 'x', persistent: true },
      "Can't store persistent bitmaps to disk: Operation not supported",
    ],
  ])('is not added as %j', async (given, reason) => {
    await using rig = await withBitmap();
    expect(await rig.ask('block-dirty-bitmap-add', given)).toBe(reason);
  });
});

describe('a transaction', () => {
  const action = (type: string, data: object = {}) => ({ type, data });

  it('does everything', async () => {
    await using rig = await withBitmap();
    const actions = [
      action('block-dirty-bitmap-add', { node: 'disk', name: 'c' }),
      action('block-dirty-bitmap-disable', { node: 'disk', name: 'c' }),
      action('block-dirty-bitmap-remove', B),
    ];
    expect(await rig.ask('transaction', { actions })).toEqual({});
    expect(await rig.ask('query-named-block-nodes')).toMatchObject([
      { 'dirty-bitmaps': [{ name: 'c', recording: false }] },
    ]);
  });

  it('that fails has done nothing', async () => {
    await using rig = await withBitmap();
    await rig.ask('block-dirty-bitmap-add', { node: 'disk', name: 'd', disabled: true });
    await write(rig, 0);
    const before = await rig.ask('query-named-block-nodes');
    const actions = [
      action('block-dirty-bitmap-add', { node: 'disk', name: 'c' }),
      action('block-dirty-bitmap-merge', { node: 'disk', target: 'd', bitmaps: ['b'] }),
      action('block-dirty-bitmap-clear', B),
      action('block-dirty-bitmap-disable', B),
      action('block-dirty-bitmap-enable', B),
      action('block-dirty-bitmap-enable', { node: 'disk', name: 'd' }),
      action('block-dirty-bitmap-remove', B),
      action('abort'),
    ];
    expect(await rig.ask('transaction', { actions })).toBe(
      'Transaction aborted using Abort action',
    );
    expect(await rig.ask('query-named-block-nodes')).toEqual(before);
  });

  it('keeps the name of what it removes until it cannot fail any more', async () => {
    await using rig = await withBitmap();
    const remove = action('block-dirty-bitmap-remove', B);
    const add = action('block-dirty-bitmap-add', B);
    expect(await rig.ask('transaction', { actions: [remove, add] })).toBe(
      'Bitmap already exists: b',
    );
    const clear = action('block-dirty-bitmap-clear', B);
    expect(await rig.ask('transaction', { actions: [remove, clear] })).toBe(IN_USE);
    expect(await rig.ask('block-dirty-bitmap-clear', B)).toEqual({});
  });

  it('has no jobs that could count together', async () => {
    await using rig = await withBitmap();
    const actions = [action('block-dirty-bitmap-clear', B)];
    const properties = { 'completion-mode': 'grouped' };
    expect(await rig.ask('transaction', { actions, properties })).toBe(
      "Action 'block-dirty-bitmap-clear' does not support Transaction property" +
        ' completion-mode = grouped',
    );
  });
});
