import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { runMain } from '../../support/fake-io.ts';
import { withFolder } from '../../support/temporary.ts';
import { checkHelp } from '../help.ts';

const SEED = fileURLToPath(
  new URL('../../../fixtures/seeds/force-cancel-flush-hangs.json', import.meta.url),
);

describe('mirrordisk replay', () => {
  it('has a help that fits on a terminal, with options that there are', () => checkHelp('replay'));

  it('shows what once went wrong, and that it does so no more', () =>
    withFolder(async (folder) => {
      const html = join(folder, 'run.html');
      const { exitCode, stdout } = await runMain(['replay', SEED, '--html', html]);
      expect(exitCode).toBe(0);
      expect(stdout).toMatch(/^A forced cancel waits for ever.*\n\nstep {2}guest/);
      expect(stdout).toMatch(new RegExp(`MENDED: .*\\ndrawn in ${html}$`));
      expect(readFileSync(html, 'utf8')).toContain(`mirrordisk replay ${SEED}`);
    }));

  it('says that it cannot read what is not there, or no seed', () =>
    withFolder(async (folder) => {
      const missing = await runMain(['replay', join(folder, 'none.json')]);
      expect([missing.exitCode, missing.stderr]).toEqual([
        2,
        expect.stringMatching(/Cannot read ".*none.json": No such file/),
      ]);
      const path = join(folder, 'text');
      writeFileSync(path, 'hello');
      const { exitCode, stderr } = await runMain(['replay', path]);
      expect([exitCode, stderr]).toEqual([
        2,
        expect.stringMatching(/Cannot read the seed: it is no/),
      ]);
    }));

  it.each([[[]], [['one', 'two']], [['--threads', '2', 'one']]])('refuses %j', async (args) => {
    const { exitCode, stdout } = await runMain(['replay', ...args]);
    expect([exitCode, stdout]).toEqual([2, '']);
  });
});
