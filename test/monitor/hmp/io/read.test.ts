import { describe, expect, it } from 'vitest';
import { HmpRig } from '../../../support/hmp-rig.ts';
import { settle } from '../../../support/settle.ts';

/** A machine with a disk of 64 KiB whose first 16 bytes are "abcdefabcdefabcd", the rest 0x11. */
async function open(): Promise<HmpRig> {
  const rig = new HmpRig();
  const disk = await rig.rig.open('disk');
  disk.bytes.fill(0x11);
  disk.bytes.set(Buffer.from('abcdefabcdefabcd'));
  return rig;
}

const wrong = 'Pattern verification failed at offset';

describe('reading by qemu-io', () => {
  it.each([
    ['read 16 512', 'read 512/512 bytes at offset 16\n512 bytes\n'],
    ['read -q 0 512', ''],
    ['read -v 14 4', '0000000e:  63 64 11 11  cd..\nread 4/4 bytes at offset 14\n4 bytes\n'],
    ['read -q -P 0x11 16 512', ''],
    ['read -q -P 0x11 0 512', `${wrong} 0, 512 bytes\n`],
    ['read -q -P 0x11 -s 16 0 512', ''],
    ['read -q -P 0x11 -s 15 0 512', `${wrong} 15, 497 bytes\n`],
    ['read -q -P 0x61 -l 1 0 512', ''],
    ['read -q -P 0x61 -l 2 0 512', `${wrong} 0, 2 bytes\n`],
    ['read -P 1 -s 1 -l 512 0 512', 'pattern verification range exceeds end of read data\n'],
    ['read 0 65537', 'read failed: Input/output error\n'],
    ['read -b 0 512', 'read failed: Operation not supported\n'],
    ['read -b 0 5', "5 is not a sector-aligned value for 'count'\n"],
    ['read -b 5 512', "5 is not a sector-aligned value for 'offset'\n"],
    ['readv 0 512 1k', 'read 1536/1536 bytes at offset 0\n1.500 KiB\n'],
    ['readv -q -P 0x11 0 512 512', `${wrong} 0, 1024 bytes\n`],
    ['readv 64k 512', 'readv failed: Input/output error\n'],
    ['aio_read 0 512', 'read 512/512 bytes at offset 0\n512 bytes\n'],
  ])('answers %j', async (command, text) => {
    await using rig = await open();
    expect(await rig.io('disk', `${command}`)).toBe(text);
  });

  it.each([['read -s 1 0 512'], ['read -l 1 0 512'], ['read 0 512 1'], ['read -q 0']])(
    'tells how it is used: %j',
    async (command) => {
      await using rig = await open();
      expect(await rig.io('disk', command)).toBe(
        'read [-abCqv] [-P pattern [-s off] [-l len]] off len -- ' +
          'reads a number of bytes at a specified offset\n',
      );
    },
  );

  it('tells of an asynchronous request when it has ended', async () => {
    await using rig = await open();
    const { gate } = rig.rig.disk('disk');
    gate.mode = 'held';
    expect(await rig.io('disk', 'aio_read -P 0 0 512')).toBe('');
    let hasFlushed = false;
    const flushing = rig.io('disk', 'aio_flush').then((text) => {
      hasFlushed = true;
      return text;
    });
    await settle();
    expect(hasFlushed).toBe(false);
    gate.held[0]?.complete();
    expect(await flushing).toBe(
      `${wrong} 0, 512 bytes\nread 512/512 bytes at offset 0\n512 bytes\n`,
    );
  });

  it('fails an asynchronous request alone', async () => {
    await using rig = await open();
    await rig.io('disk', 'aio_read 64k 512');
    expect(await rig.io('disk', 'aio_flush')).toBe('');
  });

  it('counts asynchronous requests of a drive, and what it is told to', async () => {
    await using rig = await open();
    const drive = rig.rig.machine.drives.add({ name: 'drive' });
    drive.insert(rig.rig.node('disk'));
    await rig.io('drive', 'aio_read 0 1k');
    await rig.io('drive', 'aio_read 64k 1k');
    expect(await rig.io('drive', 'aio_read -i 0 1k')).toBe('injecting invalid read request\n');
    await rig.io('drive', 'read 0 4k');
    await rig.io('drive', 'aio_flush');
    expect(drive.accounts.operations.flush.requests).toBe(1);
    const { requests, bytes, failed, invalid } = drive.accounts.operations.in;
    expect({ requests, bytes, failed, invalid }).toEqual({
      requests: 1,
      bytes: 1024,
      failed: 1,
      invalid: 1,
    });
    expect(drive.accounts.depth).toBe(0);
    await rig.rig.machine.drives.remove(drive);
  });

  it('lets go of a node when all its requests have ended', async () => {
    await using rig = await open();
    const { gate } = rig.rig.disk('disk');
    gate.mode = 'held';
    await rig.io('disk', 'aio_read 0 512');
    const { parents } = rig.rig.node('disk');
    expect(parents.size).toBe(1);
    gate.held[0]?.complete();
    await rig.rig.pass(0);
    expect(parents.size).toBe(0);
  });
});
