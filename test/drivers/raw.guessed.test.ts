import { expect, it } from 'vitest';
import { BlockGraph } from '../../src/block/graph.ts';
import { drivers } from '../../src/drivers/index.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { wholeOf } from '../../src/wire/qapi/type.ts';
import { pattern } from '../support/drivers.ts';

const QCOW2 = new Uint8Array(512);
QCOW2.set([0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 3]);

async function openRaw(isGuessed: boolean) {
  const graph = new BlockGraph(nodeEnv(), drivers);
  const options = { driver: 'raw', file: { driver: 'memory', size: 4096 } };
  return graph.openChecked(graph.optionsType.read(options, wholeOf('json')), { isGuessed });
}

it('keeps a disk whose format was guessed from looking like another the next time', async () => {
  const disk = await openRaw(true);
  const refused = expect.objectContaining({ code: 'EPERM' });
  await expect((async () => disk.write(0, QCOW2))()).rejects.toThrow(refused);
  // Nor in pieces: the first sector is written whole.
  await disk.write(4, QCOW2.subarray(4, 8));
  await expect((async () => disk.write(0, QCOW2.subarray(0, 4)))()).rejects.toThrow(refused);
  await disk.write(0, pattern(512));
  await disk.write(512, QCOW2);
});

it('has no memory for writes to a disk whose format was guessed', async () => {
  const [guessed, said] = [await openRaw(true), await openRaw(false)];
  expect(said.place(0, 4096)).toBeDefined();
  expect(guessed.place(0, 4096)).toBeUndefined();
});

it('lets a disk that was said to be raw begin with anything', async () => {
  const disk = await openRaw(false);
  await disk.write(0, QCOW2);
  const into = new Uint8Array(512);
  await disk.read(0, into);
  expect(into).toEqual(QCOW2);
});
