import { describe, expect, it } from 'vitest';
import { demandEmpty, demandOther } from '../../src/machine/target-export.ts';
import { parseNbdUri } from '../../src/wire/nbd/uri.ts';
import { nodeOf, TestDisk } from '../support/drivers.ts';

const uri = parseNbdUri('nbd://host/disk');

/** A disk of 4096 bytes, of which each 1024 read as zeroes or may not. */
function diskOf(zeroes: readonly boolean[]) {
  const disk = new TestDisk({ size: 4096 });
  disk.extentAt = (offset) => {
    const zero = zeroes[Math.floor(offset / 1024)] ?? false;
    return { length: 1024, data: !zero, zero, allocated: true };
  };
  return nodeOf(disk);
}

describe('export that is to be a target', () => {
  it('is empty when all of it reads as zeroes', () =>
    demandEmpty(diskOf([true, true, true, true]), uri));

  it('may hold data where it does not say that it has none', async () => {
    for (const zeroes of [[false], [true, true, true, false]]) {
      const refused = demandEmpty(diskOf(zeroes), uri);
      await expect(refused).rejects.toMatchObject({
        code: 'EEXIST',
        message: 'Cannot mirror to "nbd://host/disk": it may hold data',
      });
    }
    const silent = nodeOf(new TestDisk({ size: 4096, operations: [] }));
    await expect(demandEmpty(silent, uri)).rejects.toMatchObject({ code: 'EEXIST' });
  });

  it('is not the source, whatever is said of TLS', () => {
    const same = parseNbdUri('nbds://host:10809/disk?tls-psk-file=/keys');
    expect(() => demandOther(uri, same)).toThrow('source and target are the same export');
    demandOther(uri, parseNbdUri('nbd://host/other'));
    demandOther(uri, parseNbdUri('nbd://host:10810/disk'));
  });
});
