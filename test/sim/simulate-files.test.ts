import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { isPowerCut, simulate } from '../../src/sim/index.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

describe('files of simulate()', () => {
  it('keep what was synced, and of the rest anything', async () => {
    const found = new Set<string>();
    await simulate({
      async guest({ env }) {
        const file = await env.files.open('/log', { access: 'read-write', create: true });
        await file.write(0, bytes('one'));
        await file.sync();
        await file.write(3, bytes('two'));
        await file.close();
        await env.files.rename('/log', '/named');
      },
      async check({ env }) {
        const name = (await env.files.status('/named')) ? '/named' : '/log';
        if (!(await env.files.status(name))) {
          found.add('nothing');
          return;
        }
        const file = await env.files.open(name, { access: 'read' });
        const into = new Uint8Array(16);
        const length = await file.read(0, into);
        found.add(`${name} ${JSON.stringify(new TextDecoder().decode(into.slice(0, length)))}`);
        await file.close();
      },
      explore: true,
    });
    expect([...found].sort()).toEqual([
      '/log ""',
      '/log "\\u0000\\u0000\\u0000"',
      '/log "one"',
      '/log "one\\u0000\\u0000\\u0000"',
      '/log "onetwo"',
      '/named "one"',
      '/named "one\\u0000\\u0000\\u0000"',
      '/named "onetwo"',
      'nothing',
    ]);
  });

  it('free their locks at a power cut, and say what goes wrong as files do', async () => {
    const errors: unknown[] = [];
    await simulate({
      async prepare({ env }) {
        await env.files.open('/here', { access: 'read-write', create: true });
      },
      async guest({ env }) {
        const { files } = env;
        await expect(files.open('/none', { access: 'read' })).rejects.toThrow('No such file');
        const again = files.open('/here', { access: 'read-write', create: true });
        await expect(again).rejects.toThrow('File exists');
        const file = await files.open('/here', { access: 'read' });
        const lock = await files.lock(await file.status());
        expect(lock).toBeDefined();
        expect(await files.lock(await file.status())).toBeUndefined();
        await expect(file.write(0, bytes('x'))).rejects.toThrow('Permission denied');
        await file.sync().catch((error: unknown) => {
          errors.push(error);
          throw error;
        });
        await lock?.release();
      },
      async check({ env }) {
        const status = await env.files.status('/here');
        expect(status && (await env.files.lock(status))).toBeDefined();
        expect(await env.files.status('/')).toMatchObject({ kind: 'directory' });
      },
      explore: true,
    });
    expect(errors.length).toBeGreaterThan(0);
    // To the block layer it is an error as any other.
    expect(errors.every((error) => error instanceof BlockError && isPowerCut(error))).toBe(true);
  });
});
