import { execFileSync } from 'node:child_process';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeStreams } from '../../src/env/node-streams.ts';
import { SocketRecorder } from '../support/socket-recorder.ts';
import { withFolder } from '../support/temporary.ts';

const text = (value: string) => new TextEncoder().encode(value);

describe('a file as a stream', () => {
  it('takes what is written, in the place of what was in it or after it', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'log');
      await writeFile(path, 'old');
      const first = nodeStreams.file({ path });
      await new Promise<void>((sent) => first.write(text('one'), sent));
      expect(await readFile(path, 'utf8')).toBe('one');
      const second = nodeStreams.file({ path, append: true });
      await new Promise<void>((sent) => second.write(text(' two'), sent));
      expect(await readFile(path, 'utf8')).toBe('one two');
      first.destroy();
      second.destroy();
    });
  });

  it('gives what there is to read, and comes to its end', async () => {
    await withFolder(async (folder) => {
      const [path, input] = [join(folder, 'log'), join(folder, 'commands')];
      await writeFile(input, 'do it');
      const recorder = new SocketRecorder(nodeStreams.file({ path, input }));
      await recorder.happened('ended');
      expect(recorder.bytes.toString()).toBe('do it');
    });
  });

  it('is refused by its name where it cannot be', () => {
    const refused = { code: 'ENOENT', reason: 'No such file or directory' };
    const place = { path: '/nowhere/log' };
    expect(() => nodeStreams.file(place)).toThrow(expect.objectContaining(refused));
  });
});

describe('a pipe as a stream', () => {
  it('is two FIFOs, and outlives those at their other ends', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'pipe');
      execFileSync('mkfifo', [`${path}.in`, `${path}.out`]);
      const connection = nodeStreams.pipe(path);
      const recorder = new SocketRecorder(connection);
      for (const word of ['first', 'firstsecond']) {
        const writer = await open(`${path}.in`, 'r+');
        await writer.write(word.slice(recorder.bytes.length));
        await recorder.received(word.length);
        expect(recorder.bytes.toString()).toBe(word);
        await writer.close();
      }
      connection.write(text('answer'));
      connection.flush();
      const reader = await open(`${path}.out`, 'r+');
      const { bytesRead, buffer } = await reader.read(Buffer.alloc(20), 0, 20);
      expect(buffer.toString('utf8', 0, bytesRead)).toBe('answer');
      await reader.close();
      expect(recorder.events).not.toContain('ended');
      connection.destroy();
    });
  });
});
