import { describe, expect, it } from 'vitest';
import { HmpRig } from '../../../support/hmp-rig.ts';
import { settle } from '../../../support/settle.ts';

/** A machine with a test disk `disk` of 64 KiB, an empty drive, and a blkdebug `faulty`. */
async function open(): Promise<HmpRig> {
  const rig = new HmpRig();
  await rig.rig.open('disk');
  await rig.rig.openFaulty('faulty');
  rig.rig.machine.drives.add({ name: 'empty' });
  return rig;
}

const noMedium = 'No medium found\n';

describe('qemu-io', () => {
  it.each([
    ['', ''],
    ['bogus', 'command "bogus" not found\n'],
    ['r 0', 'bad argument count 1 to r, expected at least 2 arguments\n'],
    ['flush 1', 'bad argument count 1 to flush, expected 0 arguments\n'],
    ['alloc', 'bad argument count 0 to alloc, expected between 1 and 2 arguments\n'],
    ['help bogus', 'command bogus not found\n'],
    ['help ?', '? [command] -- help for one or all commands\n'],
    ['help map', 'map  -- prints the allocated areas of a file\n'],
    ['length', '64 KiB\n'],
    ['info', 'format name: test\n'],
    ['map', '64 KiB (0x10000) bytes     allocated at offset 0 bytes (0x0)\n'],
    ['alloc 1k 60M', '64512/64512 bytes allocated at offset 1 KiB\n'],
    ['flush', ''],
    ['break read_aio A', 'Could not set breakpoint: Operation not supported\n'],
    ['wait_break A', 'Could not wait for request: Operation not supported\n'],
    ['truncate -m full 1M', 'Unsupported preallocation mode: full\n'],
    ['truncate -m half 1M', "Invalid preallocation mode 'half'\n"],
    ['discard 0 64k', 'discard 65536/65536 bytes at offset 0\n64 KiB\n'],
    ['discard -q 0 64k', ''],
    ['discard 64k 1', 'discard failed: Input/output error\n'],
  ])('answers %j', async (command, text) => {
    await using rig = await open();
    expect(await rig.io('disk', command)).toBe(text);
  });

  it('lists its commands by name', async () => {
    await using rig = await open();
    const help = await rig.io('disk', 'help');
    const names = help.split('\n').filter((line) => line.includes(' -- '));
    expect(names).toEqual([...names].sort());
    expect(names[0]).toBe('aio_flush -- completes all outstanding aio requests');
  });

  it.each([
    ['length', `getlength: ${noMedium}`],
    ['read 0 512', `read failed: ${noMedium}`],
    ['map', `Failed to query image length: ${noMedium}`],
    ['alloc 0', `is_allocated failed: ${noMedium}`],
    ['write 0 512', `write failed: ${noMedium}`],
    ['truncate 0', 'No medium inserted\n'],
    ['info', ''],
    ['flush', ''],
  ])('finds an empty drive empty: %j', async (command, text) => {
    await using rig = await open();
    expect(await rig.io('empty', command)).toBe(text);
  });

  it('tells what is allocated, in runs', async () => {
    await using rig = await open();
    const KiB = 1024;
    // 16 KiB of data, 16 KiB of zeroes, and the rest is not allocated.
    rig.rig.disk('disk').extentAt = (offset, length) => {
      const kind = Math.min(Math.floor(offset / (16 * KiB)), 2);
      const end = kind === 2 ? offset + length : (kind + 1) * 16 * KiB;
      return { length: end - offset, data: kind === 0, zero: kind > 0, allocated: kind < 2 };
    };
    expect(await rig.io('disk', 'map')).toBe(
      '32 KiB (0x8000) bytes     allocated at offset 0 bytes (0x0)\n' +
        '32 KiB (0x8000) bytes not allocated at offset 32 KiB (0x8000)\n',
    );
    expect(await rig.io('disk', 'alloc 24k 16k')).toBe(
      '8192/16384 bytes allocated at offset 24 KiB\n',
    );
  });

  it('changes the size of a disk, in whole sectors', async () => {
    await using rig = await open();
    expect(await rig.io('disk', 'truncate 1000')).toBe('');
    expect(await rig.io('disk', 'length')).toBe('1 KiB\n');
  });

  it('writes to no disk that is read-only', async () => {
    await using rig = await open();
    await rig.rig.machine.graph.open({
      driver: 'raw',
      'node-name': 'ro',
      file: 'disk',
      'read-only': true,
    });
    expect(await rig.io('ro', 'write 0 512')).toBe('Block node is read-only\n');
    expect(await rig.io('ro', 'read -q 0 512')).toBe('');
  });

  it('writes to no disk that another one writes to alone', async () => {
    await using rig = await open();
    rig.rig.plug('disk');
    const reported = await rig.io('disk', 'write 0 512');
    expect(reported).toMatch(/^Permission conflict on node 'disk': permissions 'write' .*\.\n$/);
    expect(await rig.io('disk', 'read -q 0 512')).toBe('');
  });

  it('sleeps as long as it is told', async () => {
    await using rig = await open();
    let isOver = false;
    const sleeping = rig.io('disk', 'sleep 20').then(() => {
      isOver = true;
    });
    await rig.rig.pass(19);
    expect(isOver).toBe(false);
    await rig.rig.pass(1);
    await sleeping;
    expect(isOver).toBe(true);
  });
});

describe('breakpoints of qemu-io', () => {
  it('suspend a request of an asynchronous command until it is resumed', async () => {
    await using rig = await open();
    // The filter is looked for below the disk.
    await rig.rig.machine.graph.open({ driver: 'raw', 'node-name': 'top', file: 'faulty' });
    await rig.io('top', 'break pwritev A');
    let hasWaited = false;
    const waiting = rig.io('top', 'wait_break A').then(() => {
      hasWaited = true;
    });
    await settle();
    expect(hasWaited).toBe(false);
    expect(await rig.io('top', 'aio_write 0 512')).toBe("blkdebug: Suspended request 'A'\n");
    await waiting;
    expect(await rig.io('top', 'resume A')).toContain("blkdebug: Resuming request 'A'\n");
    await rig.io('top', 'aio_flush');
  });

  it('are told of when there are none', async () => {
    await using rig = await open();
    const missing = 'No such file or directory\n';
    expect(await rig.io('faulty', 'resume A')).toBe(`Could not resume request: ${missing}`);
    expect(await rig.io('faulty', 'remove_break A')).toBe(
      `Could not remove breakpoint A: ${missing}`,
    );
    expect(await rig.io('faulty', 'break bogus A')).toBe(`Could not set breakpoint: ${missing}`);
    expect(await rig.io('faulty', 'break read_aio A')).toBe('');
    expect(await rig.io('faulty', 'remove_break A')).toBe('');
  });
});
