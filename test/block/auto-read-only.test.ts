import { describe, expect, it } from 'vitest';
import { BlockError, type BlockErrorCode } from '../../src/base/errors.ts';
import { defineDriver } from '../../src/block/driver.ts';
import { BlockGraph } from '../../src/block/graph.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { PassThrough, TestDisk } from '../support/drivers.ts';

/** A graph with disks that fail in this way unless they are opened for reading. */
function graphOf(code: BlockErrorCode): BlockGraph {
  const protectedDisk = defineDriver(() => ({}), {
    summary: 'A disk that cannot be written to',
    async open(_options, { readOnly }) {
      if (!readOnly) throw new BlockError(code, 'open it', 'no');
      return new TestDisk({ size: 512 });
    },
  });
  const over = defineDriver(({ node }) => ({ file: node }), {
    summary: 'The disk below',
    open: async ({ file }, { openChild }) => new PassThrough(await openChild('file', file)),
  });
  return new BlockGraph(nodeEnv(), { protected: protectedDisk, over });
}

const auto = { driver: 'protected', 'auto-read-only': true };

describe('auto-read-only', () => {
  it.each(['EACCES', 'EROFS'] as const)('opens a disk for reading after %s', async (code) => {
    const node = await graphOf(code).open(auto);
    expect(node.options.readOnly).toBe(true);
  });

  it('is not for other errors, nor where it was not asked for', async () => {
    await expect(graphOf('EIO').open(auto)).rejects.toMatchObject({ code: 'EIO' });
    const plain = { driver: 'protected' };
    await expect(graphOf('EACCES').open(plain)).rejects.toMatchObject({ code: 'EACCES' });
  });

  it('is passed on to nodes inside, and is for those that say so themselves', async () => {
    const outer = { driver: 'over', 'auto-read-only': true };
    const graph = graphOf('EACCES');
    const node = await graph.open({ ...outer, file: { driver: 'protected' } });
    expect(node.children[0]?.options.readOnly).toBe(true);
    const inner = { driver: 'protected', 'auto-read-only': false };
    await expect(graph.open({ ...outer, file: inner })).rejects.toMatchObject({ code: 'EACCES' });
  });
});
