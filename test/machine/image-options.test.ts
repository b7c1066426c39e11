import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeFiles } from '../../src/env/node-files.ts';
import { imageOf } from '../../src/machine/image-name.ts';
import { nbdOptions, rawImage, targetImage } from '../../src/machine/image-options.ts';
import { TlsCredentialStore } from '../../src/machine/tls-credentials.ts';
import { parseNbdUri } from '../../src/wire/nbd/uri.ts';
import { withFolder } from '../support/temporary.ts';

const store = new TlsCredentialStore(nodeFiles);
const wishes = { readOnly: true, direct: true, shared: true, unmap: true };
const EXPORT = {
  driver: 'nbd',
  server: { type: 'inet', host: 'host', port: '10809' },
  export: 'disk',
};

describe('options of an image', () => {
  it('are the raw format over what has its bytes', async () => {
    const above = { driver: 'raw', 'read-only': true, discard: 'unmap' };
    const file = { driver: 'file', filename: 'disk.img', locking: 'off', cache: { direct: true } };
    expect(await rawImage(imageOf('disk.img'), store, wishes)).toEqual({ ...above, file });
    const uri = imageOf('nbd://host/disk');
    expect(await rawImage(uri, store, wishes)).toEqual({ ...above, file: EXPORT });
  });

  it('of a target turn zeroes into holes', async () => {
    const above = { driver: 'raw', discard: 'unmap', 'detect-zeroes': 'unmap' };
    const file = { driver: 'file', filename: 'copy.img', cache: { direct: false } };
    const direct = { direct: false };
    expect(await targetImage(imageOf('copy.img'), store, direct)).toEqual({ ...above, file });
    const uri = imageOf('nbd://host/disk');
    expect(await targetImage(uri, store, direct)).toEqual({ ...above, file: EXPORT });
  });

  it('are as they were given', async () => {
    const options = { driver: 'memory', size: 512 };
    expect(await rawImage(imageOf(options), store, wishes)).toBe(options);
    expect(await targetImage(imageOf(options), store, wishes)).toBe(options);
  });

  it('have the credentials that an URI names', () =>
    withFolder(async (folder) => {
      const keys = join(folder, 'keys');
      await writeFile(keys, 'qemu:01');
      const uri = parseNbdUri(`nbds://host/disk?tls-psk-file=${keys}&tls-hostname=other`);
      const options = await nbdOptions(uri, store);
      expect(options).toMatchObject({ ...EXPORT, 'tls-hostname': 'other' });
      const id = String(options['tls-creds']);
      expect(store.find(id, 'client')).toMatchObject({ type: 'psk', keys: 'qemu:01' });
    }));
});
