import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect } from 'vitest';
import { withFolder } from '../support/temporary.ts';
import { interop } from '../support/tools.ts';

const { it } = interop('bash', 'qemu-storage-daemon', 'nbdkit', 'nbdcopy', 'qemu-io');

const README = new URL('../../README.md', import.meta.url);
const PROGRAM = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url));

/** The shell scripts of the README that start a daemon. */
async function stories(): Promise<readonly string[]> {
  const text = await readFile(README, 'utf8');
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, script = '']) => script);
  return blocks.filter((script) => script.includes('mirrordisk daemon'));
}

/** Finds our program, and ends what the script leaves behind, however it ends. */
const FRAME = `PATH="$PWD/bin:$PATH"
end() {
  for monitor in *.qmp; do mirrordisk qmp "$monitor" quit || true; done
  for pidfile in *.pid; do kill $(cat "$pidfile") || true; done
}
trap 'end > /dev/null 2>&1' EXIT
`;

describe('the stories of the README', () => {
  for (const [index, title] of [
    'a disk moves to another daemon',
    'a replica survives the restarts of its server',
    'another program watches what a guest writes',
  ].entries()) {
    for (const daemon of ['mirrordisk daemon', 'qemu-storage-daemon']) {
      it(`come true with ${daemon}: ${title}`, (bash) =>
        withFolder(async (folder) => {
          const script = (await stories())[index] ?? '';
          const program = join(folder, 'bin/mirrordisk');
          await mkdir(join(folder, 'bin'));
          await writeFile(program, `#!/bin/sh\nexec node '${PROGRAM}' "$@"\n`);
          await chmod(program, 0o755);
          const story = join(folder, 'story');
          await writeFile(story, FRAME + script.replaceAll('mirrordisk daemon', daemon));
          const { stdout } = await bash(['-euo', 'pipefail', story], { cwd: folder });
          expect(stdout).toContain('"event": "BLOCK_JOB_COMPLETED"');
        }));
    }
  }

  it('are three', async () => {
    expect(await stories()).toHaveLength(3);
  });
});
