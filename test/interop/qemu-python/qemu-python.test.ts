/**
 * QEMU's own Python library drives us as it drives QEMU: `drive.py` prints the same, whichever of
 * them it is that it talks to.
 */

import { fileURLToPath } from 'node:url';
import { describe, expect } from 'vitest';
import { PYTHON_ENV, withQemuSource } from '../../support/qemu-source.ts';
import { makeFile, withFolder } from '../../support/temporary.ts';
import type { Tool } from '../../support/tools.ts';

const { it } = withQemuSource('python3', 'qemu-storage-daemon', 'qemu-system-x86_64');

const pathOf = (url: string) => fileURLToPath(new URL(url, import.meta.url));
const SCRIPT = pathOf('drive.py');
const DAEMON = [process.execPath, pathOf('../../../dist/cli/bin.js'), 'daemon'];
const EMULATOR = [process.execPath, pathOf('../iotests/qemu.js')];
const MiB = 1024 * 1024;

/** @returns What a part of the script prints, driving that program. */
async function drive(python: Tool, part: string, program: readonly string[]): Promise<string> {
  return withFolder(async (folder) => {
    for (const name of ['source.img', 'target.img']) await makeFile(folder, name, MiB);
    // The shell keeps a history at home.
    const env = { ...PYTHON_ENV, HOME: folder };
    const { stdout } = await python([SCRIPT, part, ...program], { cwd: folder, env });
    return stdout;
  });
}

/** Demands that a part of the script prints the same of both. */
async function compare(
  python: Tool,
  part: string,
  { ours, theirs }: { readonly ours: readonly string[]; readonly theirs: Tool },
): Promise<void> {
  const [printed, expected] = await Promise.all([
    drive(python, part, ours),
    drive(python, part, [theirs.path]),
  ]);
  expect(printed).toBe(expected);
}

describe("QEMU's Python library", () => {
  for (const [part, what] of [
    ['client', 'its asynchronous client'],
    ['legacy', 'its synchronous client'],
    ['shell', 'qmp-shell'],
  ] as const) {
    it(`drives us as it drives qemu-storage-daemon: ${what}`, (python, theirs) =>
      compare(python, part, { ours: DAEMON, theirs }));
  }

  it('starts and ends us as it does qemu-system-x86_64: its QEMUMachine', (python, _, theirs) =>
    compare(python, 'machine', { ours: EMULATOR, theirs }));
});
