import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { BlockEdge } from '../../src/block/edge.ts';
import type { BlockdevOptions } from '../../src/block/options.ts';
import { TestGraph } from '../support/graph.ts';
import { deferred, settle, watch } from '../support/settle.ts';

const DISK = { driver: 'array', size: 1024 } as const;
const TREE = {
  driver: 'over',
  'node-name': 'top',
  file: {
    driver: 'over',
    'node-name': 'middle',
    file: { ...DISK, 'node-name': 'bottom' },
  },
};

function names(graph: TestGraph): readonly string[] {
  return graph.graph.nodes.map(({ name }) => name);
}

/** What is said of options that are refused; nothing is left of them. */
async function refusal(options: object): Promise<string> {
  const { graph, log } = new TestGraph();
  try {
    await graph.open(options as BlockdevOptions);
  } catch (error) {
    if (!(error instanceof BlockError)) throw error;
    expect(error.code).toBe('EINVAL');
    expect([graph.nodes, log]).toEqual([[], []]);
    return error.message.replace(/^Cannot [^:]*: /, '');
  }
  throw new Error('the options were taken');
}

describe('open()', () => {
  it('opens a tree of nodes, those below first', async () => {
    const test = new TestGraph();
    const top = await test.graph.open(TREE);
    expect(test.log).toEqual(['+bottom', '+middle', '+top']);
    expect([top.name, top.options.driver, top.size]).toEqual(['top', 'over', 1024]);
    const middle = test.graph.find('middle');
    expect(top.children).toEqual([middle]);
    expect(middle.children).toEqual([test.graph.find('bottom')]);
    expect([...middle.parents].map(({ parent }) => parent.name)).toEqual(['top']);
  });

  it('gives a name of its own to a node without one, which no user can give', async () => {
    const test = new TestGraph();
    const nodes = [await test.graph.open(DISK), await test.graph.open(DISK)];
    expect(nodes.map(({ name }) => name)).toEqual(['#block001', '#block002']);
    expect(await refusal({ ...DISK, 'node-name': '#block003' })).toBe(
      "Invalid node-name: '#block003'",
    );
  });

  it('stands on a node that is open when given its name', async () => {
    const test = new TestGraph();
    const below = await test.graph.open({ ...DISK, 'node-name': 'below' });
    const [left, right] = [
      await test.graph.open({ driver: 'over', file: 'below' }),
      await test.graph.open({ driver: 'over', file: 'below' }),
    ];
    expect([left.children, right.children]).toEqual([[below], [below]]);
  });

  it.each([
    [{ driver: 'qcow9' }, "Parameter 'driver' does not accept value 'qcow9'"],
    [{ driver: 'constructor' }, "Parameter 'driver' does not accept value 'constructor'"],
    [{}, "Parameter 'driver' is missing"],
    [{ driver: 5 }, "Invalid parameter type for 'driver', expected: string"],
    [{ driver: ['array'], size: 5 }, "Invalid parameter type for 'driver', expected: string"],
    [{ driver: 'array' }, "Parameter 'size' is missing"],
    [{ driver: 'array', size: '5' }, "Invalid parameter type for 'size', expected: integer"],
    [{ ...DISK, sizes: 5 }, "Parameter 'sizes' is unexpected"],
    [{ ...DISK, 'read-only': 'on' }, "Invalid parameter type for 'read-only', expected: boolean"],
    [{ ...DISK, discard: 'maybe' }, "Parameter 'discard' does not accept value 'maybe'"],
    [
      { ...DISK, 'detect-zeroes': 'unmap' },
      'setting detect-zeroes to unmap is not allowed without setting discard operation to unmap',
    ],
    [{ ...DISK, 'node-name': '' }, "Invalid node-name: ''"],
    [{ ...DISK, 'node-name': '1disk' }, "Invalid node-name: '1disk'"],
    [{ ...DISK, 'node-name': 'a b' }, "Invalid node-name: 'a b'"],
    [{ ...DISK, 'node-name': 'a'.repeat(32) }, 'Node name too long'],
    [{ driver: 'over', file: 5 }, "Invalid parameter type for 'file', expected: BlockdevRef"],
    [{ driver: 'over', file: {} }, "Parameter 'file.driver' is missing"],
    [
      { driver: 'over', file: { driver: 'qcow9' } },
      "Parameter 'driver' does not accept value 'qcow9'",
    ],
    [{ driver: 'over', file: { ...DISK, extra: 1 } }, "Parameter 'file.extra' is unexpected"],
    [
      { driver: 'over', file: { driver: 'over', file: { driver: 'array' } } },
      "Parameter 'file.file.size' is missing",
    ],
  ])('refuses %j in the words of QEMU', async (options, words) => {
    expect(await refusal(options)).toBe(words);
  });

  it('refuses a name that is not there with ENODEV', async () => {
    const test = new TestGraph();
    const words = "Failed to find node with node-name='gone'";
    const opening = test.graph.open({ driver: 'over', file: 'gone' });
    await expect(opening).rejects.toMatchObject({ code: 'ENODEV' });
    expect(() => test.graph.find('gone')).toThrow(words);
    expect(names(test)).toEqual([]);
  });

  it('takes names of 31 letters, digits, dashes, dots and underscores', async () => {
    const test = new TestGraph();
    for (const name of ['d', 'Disk-0.1_x', 'a'.repeat(31)]) {
      expect((await test.graph.open({ ...DISK, 'node-name': name })).name).toBe(name);
    }
  });

  it('hands down read-only and discard to what is inside, which may say otherwise', async () => {
    const test = new TestGraph();
    const file = { ...DISK, 'node-name': 'inside' };
    const given = { driver: 'over', 'read-only': true, discard: 'unmap' } as const;
    await test.graph.open({ ...given, 'node-name': 'top', file });
    expect(test.contexts.get('inside')).toMatchObject({ readOnly: true, unmap: true });
    expect(test.graph.find('inside').options).toMatchObject({ readOnly: true, unmap: true });

    const other = { ...DISK, 'node-name': 'other', 'read-only': false, discard: 'ignore' };
    await test.graph.open({ ...given, file: other });
    expect(test.contexts.get('other')).toMatchObject({ readOnly: false, unmap: false });

    await test.graph.open({ driver: 'over', file: { ...DISK, 'node-name': 'plain' } });
    expect(test.contexts.get('plain')).toMatchObject({ readOnly: false, unmap: false });
    expect(test.contexts.get('plain')?.env).toBe(test.env);
  });
});

describe('names', () => {
  it('are given to one node at a time, and are free again when it is closed', async () => {
    const test = new TestGraph();
    const options = { ...DISK, 'node-name': 'disk' };
    const node = await test.graph.open(options);
    const words = "Duplicate nodes with node-name='disk'";
    await expect(test.graph.open(options)).rejects.toThrow(words);
    await test.graph.close(node);
    await test.graph.open(options);
  });

  it('are taken while their node is being opened', async () => {
    const test = new TestGraph();
    const { promise, resolve } = deferred();
    test.beforeOpen = () => promise;
    const options = { ...DISK, 'node-name': 'disk' };
    const first = watch(() => test.graph.open(options));
    const second = watch(() => test.graph.open({ driver: 'over', file: options }));
    await settle();
    expect([first.state, second.state]).toEqual(['pending', 'failed']);
    resolve();
    await settle();
    expect([first.state, names(test)]).toEqual(['done', ['disk']]);
  });

  it('are taken while their node is being closed', async () => {
    const test = new TestGraph();
    const { promise, resolve } = deferred();
    test.beforeClose = () => promise;
    const options = { ...DISK, 'node-name': 'disk' };
    const node = await test.graph.open(options);
    const closing = watch(() => test.graph.close(node));
    await expect(test.graph.open(options)).rejects.toThrow('Duplicate nodes');
    expect(() => test.graph.find('disk')).toThrow('Failed to find node');
    resolve();
    await settle();
    expect(closing.state).toBe('done');
    await test.graph.open(options);
  });

  it('are taken twice in no tree', async () => {
    const test = new TestGraph();
    const file = { ...DISK, 'node-name': 'disk' };
    const tree = { driver: 'over', 'node-name': 'disk', file };
    await expect(test.graph.open(tree)).rejects.toThrow("Duplicate nodes with node-name='disk'");
    expect(test.log).toEqual([]);
  });

  it.each([
    ['its driver fails', { driver: 'failing', file: DISK }],
    ['its options are wrong', { ...DISK, 'detect-zeroes': 'unmap' }],
    ['a child cannot be opened', { driver: 'over', file: 'gone' }],
  ])('are free again when a node was not opened because %s', async (_why, options) => {
    const test = new TestGraph();
    const failing = test.graph.open({ ...options, 'node-name': 'disk' });
    await expect(failing).rejects.toThrow();
    await test.graph.open({ ...DISK, 'node-name': 'disk' });
  });
});

describe('a tree that cannot be opened', () => {
  it('leaves nothing open of what was inside it, and everything that was there', async () => {
    const test = new TestGraph();
    const there = await test.graph.open({ ...DISK, 'node-name': 'there' });
    const inside = {
      driver: 'over',
      'node-name': 'inside',
      file: { ...DISK, 'node-name': 'deep' },
    };
    const failing = test.graph.open({ driver: 'failing', file: inside, second: 'there' });
    await expect(failing).rejects.toThrow('the driver failed');
    expect(names(test)).toEqual(['there']);
    expect(test.log).toEqual(['+there', '+deep', '+inside', '-inside', '-deep']);
    expect(there.parents.size).toBe(0);
  });

  it('leaves nothing open of a child that was still being opened', async () => {
    const test = new TestGraph();
    const { promise, resolve } = deferred();
    test.beforeOpen = () => promise;
    const slow = { ...DISK, 'node-name': 'slow' };
    const failing = watch(() => test.graph.open({ driver: 'failing', file: 'gone', second: slow }));
    await settle();
    resolve();
    await settle();
    expect([failing.state, names(test)]).toEqual(['failed', []]);
    expect(test.log).toEqual(['+slow', '-slow']);
  });

  it('fails with what went wrong first, though a child fails to close', async () => {
    const test = new TestGraph();
    test.beforeClose = () => {
      throw new BlockError('EIO', 'close', 'broken');
    };
    const failing = test.graph.open({ driver: 'failing', file: DISK });
    await expect(failing).rejects.toThrow('the driver failed');
    expect(names(test)).toEqual([]);
  });
});

describe('close()', () => {
  it('closes a node, then what was opened inside its options', async () => {
    const test = new TestGraph();
    const top = await test.graph.open(TREE);
    await test.graph.close(top);
    expect(test.log.slice(3)).toEqual(['-top', '-middle', '-bottom']);
    expect(names(test)).toEqual([]);
  });

  it('leaves open what was opened by itself', async () => {
    const test = new TestGraph();
    const below = await test.graph.open({ ...DISK, 'node-name': 'below' });
    const top = await test.graph.open({ driver: 'over', file: 'below' });
    await test.graph.close(top);
    expect([names(test), below.parents.size]).toEqual([['below'], 0]);
  });

  it('leaves an inside node to others who stand on it, the last of whom closes it', async () => {
    const test = new TestGraph();
    const top = await test.graph.open(TREE);
    const other = await test.graph.open({ driver: 'over', 'node-name': 'other', file: 'middle' });
    await test.graph.close(top);
    expect(names(test)).toEqual(['bottom', 'middle', 'other']);
    await test.graph.close(other);
    expect(names(test)).toEqual([]);
  });

  it('closes once what is reached twice', async () => {
    const test = new TestGraph();
    const file = { ...DISK, 'node-name': 'below' };
    const pair = await test.graph.open({ driver: 'over', file, second: 'below' });
    await test.graph.close(pair);
    const over = { driver: 'over', 'node-name': 'over', file };
    const diamond = await test.graph.open({ driver: 'over', file: over, second: 'below' });
    await test.graph.close(diamond);
    expect(test.log.filter((entry) => entry === '-below').length).toBe(2);
    expect(names(test)).toEqual([]);
  });

  it('is refused while somebody stands on the node, who is named', async () => {
    const test = new TestGraph();
    const top = await test.graph.open(TREE);
    const edge = new BlockEdge(top, { name: 'guest' });
    await expect(test.graph.close(top)).rejects.toMatchObject({ code: 'EBUSY' });
    await expect(test.graph.close(top)).rejects.toThrow(/'top' is in use by 'guest'/);
    const middle = test.graph.close(test.graph.find('middle'));
    await expect(middle).rejects.toThrow(/'middle' is in use by 'top'/);
    expect(test.log.length).toBe(3);
    edge.close();
    await test.graph.close(top);
  });

  it('closes what is below even when a driver fails to close, and tells of that', async () => {
    const test = new TestGraph();
    const top = await test.graph.open(TREE);
    test.beforeClose = (name) => {
      if (name !== 'bottom') throw new BlockError('EIO', `close ${name}`, 'broken');
    };
    await expect(test.graph.close(top)).rejects.toThrow('Cannot close top');
    expect([names(test), test.log.slice(3)]).toEqual([[], ['-top', '-middle', '-bottom']]);
  });

  it('closes a node once when asked to twice', async () => {
    const test = new TestGraph();
    const node = await test.graph.open({ ...DISK, 'node-name': 'disk' });
    const first = test.graph.close(node);
    await expect(test.graph.close(node)).rejects.toMatchObject({ code: 'ENODEV' });
    await first;
    expect(test.log).toEqual(['+disk', '-disk']);
  });

  it('does not come between a node and the parent that is being opened on it', async () => {
    const test = new TestGraph();
    const below = await test.graph.open({ ...DISK, 'node-name': 'below' });
    const opening = test.graph.open({ driver: 'over', file: 'below' });
    const closing = test.graph.close(below);
    await expect(closing).rejects.toMatchObject({ code: 'EBUSY' });
    expect((await opening).children).toEqual([below]);
  });

  it('does not come between an inside node and its parent', async () => {
    for (let ticks = 0; ticks < 20; ticks += 1) {
      const test = new TestGraph();
      const opening = watch(() => test.graph.open(TREE));
      for (let tick = 0; tick < ticks; tick += 1) await undefined;
      const closing = watch(() => test.graph.closeAll());
      await settle();
      const isOpen = opening.state === 'done' && names(test).length > 0;
      expect([closing.state, opening.state], `after ${ticks} ticks`).toEqual(['done', 'done']);
      expect(names(test)).toEqual(isOpen ? ['bottom', 'middle', 'top'] : []);
    }
  });
});

describe('closeAll()', () => {
  it('closes every node, parents first', async () => {
    const test = new TestGraph();
    await test.graph.open({ ...DISK, 'node-name': 'below' });
    await test.graph.open({ driver: 'over', 'node-name': 'above', file: 'below' });
    await test.graph.open(TREE);
    await test.graph.closeAll();
    expect(names(test)).toEqual([]);
    const closed = test.log.filter((entry) => entry.startsWith('-'));
    expect(closed.sort()).toEqual(['-above', '-below', '-bottom', '-middle', '-top']);
    expect(test.log.indexOf('-above')).toBeLessThan(test.log.indexOf('-below'));
  });

  it('goes on when a node fails to close, and tells of the first that did', async () => {
    const test = new TestGraph();
    for (const name of ['a', 'b', 'c']) await test.graph.open({ ...DISK, 'node-name': name });
    test.beforeClose = (name) => {
      if (name !== 'c') throw new BlockError('EIO', `close ${name}`, 'broken');
    };
    await expect(test.graph.closeAll()).rejects.toThrow('Cannot close a');
    expect([names(test), test.log.slice(3)]).toEqual([[], ['-a', '-b', '-c']]);
  });
});
