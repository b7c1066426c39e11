/**
 * The commands of the human monitor's `qemu-io` against the program of that name: the same commands
 * on the same disk say the same, but for how long they took.
 */

import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { nodeEnv } from '../../src/env/node.ts';
import { Machine } from '../../src/machine/machine.ts';
import { QemuIo } from '../../src/monitor/hmp/io/qemu-io.ts';
import { withFolder } from '../support/temporary.ts';
import { interop } from '../support/tools.ts';

const SIZE = 1024 * 1024;

/** Those that are asynchronous are followed by a wait for them. */
const COMMANDS: readonly string[] = [
  ...['foo', ' ', '  length ', 'l', 'length 1', 'help 1 2', 'help bogus', 'help f', 'help length'],
  ...['read', 'read 0', 'read -z 0 512', 'read -P 256 0 512', 'read -P 0x 0 512', 'read -P 1x 0 1'],
  ...['read -P -1 0 512', 'read -P 08 0 512', 'read -P 010 0 512', 'read -P +5 0 512'],
  ...['read -P 0 0 512', 'read -P 1 0 512', 'read -P1 0 512', 'read -P 1 -s 3 0 512'],
  ...['read -P 1 -l 3 0 512', 'read -P 1 -l 0 0 512', 'read -P 1 -s 100 -l 500 0 512'],
  ...['read -P 1 -l 513 0 512', 'read -P 1 -s 3G 0 512', 'read -l 5 0 512', 'read -s 5 0 512'],
  ...['read -P 0 -l x 0 512', 'read -P 0 -s x 0 512', 'read -P 0 -l -1 0 512', 'read 0 512 -P'],
  ...['read -b 0 512', 'read -b 5 512', 'read -b 0 5', 'read x 512', 'read 0 x', 'read -1 512'],
  ...['read 5 512', 'read 1M 512', 'read 1048064 1024', 'read 0 2G', 'read 0 8E', 'read 8E 1'],
  ...['read 7E 1', 'read 0 0', 'read 1.5k 512', 'read 1.5 5', 'read .5k 5', 'read 1.k 5'],
  ...['read 1e3 5', 'read 0x200 0x200', 'read 010 512', 'read 0 1kb', 'read 0 512 7'],
  ...['read -C 0 64k', 'read -v 0 40', 'read -v 3 5', 'read -qv 0 16', 'read 0 512 -q'],
  ...['read -- 0 512', 'read -- -5 5', 'read 0 -', 'read --foo 0 1', 'r 0 512'],
  ...['readv 0', 'readv 0 512 1k', 'readv 0 512 x', 'readv 0 3G', 'readv 0 1G 1G'],
  ...['readv -P 1 0 512 512', 'readv -b 0 512', 'readv 1M 512', 'readv 0 512 -- 5'],
  ...['write 0 512', 'write -z 0 4k', 'write -z -P 1 0 4k', 'write -u 0 4k', 'write -zu 0 4k'],
  ...['write -f 0 512', 'write -n 0 4k', 'write -c 0 512', 'write -c -z 0 512', 'write -b 0 512'],
  ...['write -b -z 0 512', 'write -bf 0 512', 'write -cf 0 512', 'write -b 0 5', 'write 0 3G'],
  ...['write -s pattern 0 16', 'write -s none 0 16', 'write -s empty 0 16', 'read -v 0 32'],
  ...['write -s pattern -P 1 0 16', 'write -P 0x11 10 20', 'write 1M 1', 'write -q 0 512'],
  ...['write -zfu 0 512', 'write 0 0', 'w 0 1', 'write -P 1 -P 2 0 1', 'write -i 0 512'],
  ...['writev 0 512 512', 'writev -f 0 512', 'writev -z 0 512', 'writev 0 1G 1G', 'writev 1M 1'],
  ...['aio_write 0 512', 'aio_write -z 0 512', 'aio_write -z 0 512 512', 'aio_write -u 0 512'],
  ...['aio_write -i 0 512', 'aio_write -zi 0 512', 'aio_write 1M 512', 'aio_write -z 1M 512'],
  ...['aio_write -z 0 x', 'aio_write -P 4 5 512', 'aio_write -zn 0 512', 'aio_read 0 512'],
  ...['aio_read -P 9 0 512', 'aio_read -v 0 16', 'aio_read 1M 512', 'aio_read -i 0 512'],
  ...['aio_flush 1', 'flush', 'flush x', 'f', 'discard 0 64k', 'discard x 1', 'discard 0 3G'],
  ...['discard -q 0 512', 'discard 1M 512', 'discard -z 0 1', 'd 0 1k', 'discard 0 1 2'],
  ...['map', 'map 1', 'alloc', 'alloc 0', 'alloc 5', 'alloc 64k 64k', 'alloc 0 3G', 'alloc x'],
  ...['alloc 2M 4', 'alloc 0 0', 'alloc 0 1 2', 'a 0 1.5k', 'break a', 'break write_aio A'],
  ...['resume A', 'remove_break A', 'sleep', 'sleep x', 'sleep 08', 'sleep -1', 'sleep 0x1'],
  ...['truncate', 'truncate x', 'truncate -x 1', 'truncate -m', 'truncate 1.5k', 'length', 'map'],
  ...['truncate 1000000', 'length', 'read -v 999990 10', 'truncate 5', 'length'],
];

/** The lines of a text, without rates. */
function linesOf(text: string): readonly string[] {
  const withoutRates = text.replaceAll(/, 1 ops; .*/g, '').replaceAll(/^(\d+,1),.*/gm, '$1');
  return withoutRates.split('\n').filter((line) => line !== '');
}

/** @returns What our monitor prints and complains of. */
async function ours(folder: string): Promise<{ printed: string; complained: string }> {
  let [printed, complained] = ['', ''];
  const qemuIo = new QemuIo({
    print: (text) => {
      printed += text;
    },
    complain: (text) => {
      complained += text;
    },
  });
  const machine = new Machine(nodeEnv());
  const file = { driver: 'file', filename: join(folder, 'ours.img') };
  const node = await machine.graph.open({ driver: 'raw', 'node-name': 'disk', file });
  const drive = machine.drives.add({ name: 'drive' });
  drive.insert(node);
  for (const command of COMMANDS) {
    const line = command.replace('write -s ', `write -s ${folder}/`);
    const request = { machine, disk: drive, report: (text: string) => expect(text).toBe('') };
    await Promise.all(await qemuIo.run(line, request));
  }
  await machine.close();
  return { printed, complained: complained.replaceAll(`${folder}/`, '') };
}

const { it } = interop('qemu-io');

it('does and says what the program does and says', async (qemuIo) => {
  await withFolder(async (folder) => {
    for (const name of ['theirs.img', 'ours.img', 'empty']) await writeFile(join(folder, name), '');
    await writeFile(join(folder, 'pattern'), 'abcdef');
    for (const name of ['theirs.img', 'ours.img']) await truncate(join(folder, name), SIZE);
    const args = COMMANDS.flatMap((command) => {
      return ['-c', command, ...(command.startsWith('aio_') ? ['-c', 'aio_flush'] : [])];
    });
    const options = { cwd: folder, exitCodes: [0, 1] };
    const theirs = await qemuIo(['-f', 'raw', ...args, 'theirs.img'], options);
    const { printed, complained } = await ours(folder);
    expect(linesOf(printed)).toEqual(linesOf(theirs.stdout));
    expect(linesOf(complained)).toEqual(linesOf(theirs.stderr));
  });
});
