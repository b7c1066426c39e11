import { createCipheriv } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeFiles } from '../../src/env/node-files.ts';
import { loadSecret, type SecretOptions } from '../../src/machine/secret.ts';
import { withFolder } from '../support/temporary.ts';

const KEY = new Uint8Array(32).fill(7);
const IV = new Uint8Array(16).fill(9);

async function load(options: SecretOptions, key = KEY): Promise<string> {
  return new TextDecoder().decode(await loadSecret(nodeFiles, options, () => key));
}

function encrypted(text: string): string {
  const cipher = createCipheriv('aes-256-cbc', KEY, IV);
  return Buffer.concat([cipher.update(text), cipher.final()]).toString('base64');
}

describe('a secret', () => {
  it('is what is given, plain or in base64', async () => {
    expect(await load({ data: 'open sesame' })).toBe('open sesame');
    expect(await load({ data: 'b3Blbg==', format: 'base64' })).toBe('open');
  });

  it('may be in a file', async () => {
    await withFolder(async (folder) => {
      const file = join(folder, 'secret');
      await writeFile(file, 'b3Blbg==\n');
      expect(await load({ file })).toBe('b3Blbg==\n');
      expect(await load({ file, format: 'base64' })).toBe('open');
    });
  });

  it('may be encrypted with another one', async () => {
    const iv = Buffer.from(IV).toString('base64');
    const options = { data: encrypted('open sesame'), format: 'base64', keyid: 'k', iv } as const;
    expect(await load(options)).toBe('open sesame');
    const other = load(options, new Uint8Array(32));
    await expect(other).rejects.toMatchObject({ reason: expect.stringContaining('padding') });
  });

  it.each([
    [{}, "Either 'file' or 'data' must be provided"],
    [{ data: 'a', file: 'b' }, "'file' and 'data' are mutually exclusive"],
    [{ data: '!!', format: 'base64' }, 'Base64 data contains invalid characters'],
    [{ data: 'a', keyid: 'k' }, 'IV is required to decrypt secret'],
    [{ data: 'a', keyid: 'k', iv: 'AAAA' }, 'IV should be 16 bytes in length not 3'],
    [
      { data: 'abc', keyid: 'k', iv: `${'A'.repeat(22)}==` },
      'Length 3 must be a multiple of block size 16',
    ],
    [
      { file: '/nowhere' },
      'Unable to read /nowhere: Failed to open file “/nowhere”: No such file or directory',
    ],
  ] as const)("is refused with QEMU's reason: %j", async (options, reason) => {
    await expect(load(options)).rejects.toMatchObject({ reason });
  });

  it('is not decrypted with a key of another length', async () => {
    const reason = 'Key should be 32 bytes in length';
    await expect(load({ data: 'a', keyid: 'k' }, new Uint8Array(8))).rejects.toMatchObject({
      reason,
    });
  });
});
