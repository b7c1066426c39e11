/**
 * QEMU's iotests as they are, with our daemon in the place of QEMU and of its storage daemon, and
 * Debian's qemu-img, qemu-io and qemu-nbd beside it: `check` runs each and compares what it prints
 * with what its authors say that it is to print.
 */

import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect } from 'vitest';
import { IOTESTS, PYTHON_ENV, withQemuSource } from '../../support/qemu-source.ts';
import { withFolder } from '../../support/temporary.ts';

const { it } = withQemuSource('python3', 'bash', 'qemu-img', 'qemu-io', 'qemu-nbd');

const pathOf = (url: string) => fileURLToPath(new URL(url, import.meta.url));
const EMULATOR = pathOf('qemu.js');
const DAEMON = `${pathOf('../../../dist/cli/bin.js')}' 'daemon`;

/** Those that raw images can do, and that ask for nothing that we do not have (README.md). */
const TESTS: readonly (readonly [name: string, about: string, protocol?: 'nbd'])[] = [
  ['120', 'two nodes that are raw, one upon the other'],
  ['132', 'a mirror copies zeroes as such'],
  ['140', 'an export goes with the medium'],
  ['143', 'clients are told of an export that there is not'],
  ['152', 'a mirror of a disk that ends within a granule'],
  ['157', 'the write cache of a device'],
  ['184', 'throttle groups'],
  ['227', 'query-blockstats of drives with and without a medium'],
  ['236', 'transactions of bitmaps'],
  ['236', 'transactions of bitmaps on a disk of qemu-nbd', 'nbd'],
  ['mirror-ready-cancel-error', 'a mirror that fails while it is ready'],
  ['mirror-top-perms', 'what a mirror and its filter hold of a file'],
  ['reopen-file', 'a file that is opened anew with other options'],
];

/** Makes an executable file of a command. */
async function script(path: string, command: string): Promise<string> {
  await writeFile(path, `#!/bin/sh\nexec '${process.execPath}' '${command}' "$@"\n`);
  await chmod(path, 0o755);
  return path;
}

describe("QEMU's iotests", () => {
  for (const [name, about, protocol = 'file'] of TESTS) {
    it(`pass with us: ${name}, ${about}`, async (python, _, qemuImg, qemuIo, qemuNbd) => {
      await withFolder(async (folder) => {
        const env = {
          ...PYTHON_ENV,
          TEST_DIR: join(folder, 'images'),
          SOCK_DIR: join(folder, 'sockets'),
          QEMU_PROG: await script(join(folder, 'qemu'), EMULATOR),
          QSD_PROG: await script(join(folder, 'qsd'), DAEMON),
          QEMU_IMG_PROG: qemuImg.path,
          QEMU_IO_PROG: qemuIo.path,
          QEMU_NBD_PROG: qemuNbd.path,
        };
        const { stdout } = await python(['check', '-raw', `-${protocol}`, name], {
          cwd: IOTESTS,
          env,
        });
        expect(stdout).toContain('Passed all 1 iotests');
      });
    });
  }
});
