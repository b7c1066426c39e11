import { describe, expect, it } from 'vitest';
import { ABSENT, EXHIBITS } from '../../../src/sim/museum/index.ts';
import { runCli } from '../../support/cli.ts';
import { runMain } from '../../support/fake-io.ts';
import { checkHelp } from '../help.ts';

describe('mirrordisk museum', { timeout: 60_000 }, () => {
  it('has a help that fits on a terminal, with options that there are', () => checkHelp('museum'));

  it('lists what there is', async () => {
    const { exitCode, stdout } = await runMain(['museum']);
    expect(exitCode).toBe(0);
    for (const { name } of EXHIBITS) expect(stdout).toContain(name);
    const { io } = await runMain(['museum', '--json']);
    expect(io.json).toHaveLength(EXHIBITS.length);
  });

  it.each([
    [['B0'], /There is no bug "B0"; "mirrordisk museum" lists them/],
    [['B7', '--all'], /--all takes no NAME/],
    [['B7', 'B8'], /the name of a bug before all options/],
    [['--html', 'x.html'], /--html and --svg need a NAME/],
    [['B7', '--html', 'x.html', '--swarms', '3'], /--swarms draws no page, no picture/],
    [['B7', '--swarms', '0'], /--swarms must be at least 1/],
    [['--all', 'B7'], /the name of a bug before all options/],
  ])('refuses %j', async (args, rule) => {
    const { exitCode, stderr, stdout } = await runMain(['museum', ...args]);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(rule);
  });

  it.skipIf(ABSENT.length === 0)('says why a bug is not shown', async () => {
    const { exitCode, stdout } = await runMain(['museum', ABSENT[0]?.id ?? '']);
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining(ABSENT[0]?.title ?? '')]);
  });

  it('looks for a bug in worlds drawn by chance', async () => {
    const { exitCode, stdout } = await runCli(['museum', 'B10', '--swarms', '3']);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^B10-\S+: found by 3 of 3 swarms, half of them within \d+ worlds? /);
  });

  it('puts a bug back into a copy of the program that is built, and finds it', async () => {
    const { exitCode, stdout, stderr } = await runCli(['museum', EXHIBITS[0]?.id ?? '']);
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/\nwith the bug put back: breaks ".*\nstep {2}guest.*\nwithout it, /s);
  });
});
