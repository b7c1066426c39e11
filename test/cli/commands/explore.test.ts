import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSeed } from '../../../src/sim/seed-file.ts';
import { runCli, startCli } from '../../support/cli.ts';
import { runMain } from '../../support/fake-io.ts';
import { withFolder } from '../../support/temporary.ts';
import { checkHelp } from '../help.ts';

const explore = (line: string) => runMain(['explore', ...line.split(' ')]);

/** Others may be at work on this machine. */
describe('mirrordisk explore', { timeout: 60_000 }, () => {
  it('has a help that fits on a terminal, with options that there are', () => checkHelp('explore'));

  it('searches two copy modes and one verb when nothing else is said', async () => {
    const { exitCode, stdout } = await explore('--writes 1');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^disks: 2 x 512 bytes; guest: write 0\n/);
    expect(stdout).toMatch(/\ncomplete, background .*\ncomplete, write-blocking .*\n2 worlds, /);
  });

  it('searches the world that is asked for', async () => {
    const { exitCode, io } = await runMain([
      ...'explore --granules 1 --granularity 1K --depth 1 --overlap --stages 1 --json'.split(' '),
      ...'--copy-mode adaptive --verbs cancel,drain --faults power-cut --pruning exact'.split(' '),
      '--guest',
      'write 1, read 0+2 @end',
    ]);
    expect([exitCode, io.stderr]).toEqual([0, []]);
    expect(io.json).toMatchObject([
      { event: 'EXPLORE_WORLD', data: { world: 'cancel, adaptive, power-cut', verdict: 'proved' } },
      { event: 'EXPLORE_WORLD', data: { world: 'drain, adaptive, power-cut', verdict: 'proved' } },
      { event: 'EXPLORE_SUMMARY', data: { verdict: 'proved', worlds: 2, pruning: 'exact' } },
    ]);
  });

  it('goes through more runs the less it prunes, and comes to the same', async () => {
    const runs: number[] = [];
    for (const pruning of ['none', 'exact', 'visible']) {
      const line = `--granules 1 --writes 1 --copy-mode background --json --pruning ${pruning}`;
      const { io, exitCode } = await explore(line);
      const [, summary] = io.json as [unknown, { data: { executions: number } }];
      runs.push(summary.data.executions);
      expect(exitCode).toBe(0);
    }
    const [none = 0, exact = 0, visible = 0] = runs;
    expect(none).toBeGreaterThanOrEqual(exact);
    expect(exact).toBeGreaterThan(visible);
  });

  it('has proved nothing when it hits its bound', async () => {
    const { exitCode, stdout } = await explore('--executions 10');
    expect([exitCode, stdout]).toEqual([2, expect.stringContaining('NOT PROVED')]);
  });

  it.each([
    ['--granules 0', /--granules must be at least 1/],
    ['--granules 65', /--granules must be a whole number from 0 to 64/],
    ['--granularity 768', /--granularity must be a power of two/],
    ['--granularity 256', /--granularity must be a power of two/],
    ['--writes -1', /--writes must be/],
    ['--writes 1 --guest flush', /both say what the guest asks for/],
    ['--guest wipe', /a request is write, read/],
    ['--guest', /--guest needs a value/],
    ['--stages 3', /--stages must be 1 or 2/],
    ['--copy-mode both', /--copy-mode must be background, write-blocking or adaptive/],
    ['--verbs complete,stop', /--verbs must be complete, cancel/],
    ['--faults all,none', /--faults must be none, source-error/],
    ['--pruning some', /--pruning must be none, exact or visible/],
    ['--executions 0', /--executions must be at least 1/],
    ['--seconds 0', /--seconds must be above 0/],
    ['--threads 0', /--threads must be at least 1/],
    ['--preset large', /--preset must be small or issue/],
    ['--preset small --verbs all', /--verbs does not go with a --preset/],
    ['disk.img', /It takes options only/],
  ])('refuses %s', async (line, rule) => {
    const { exitCode, stderr, stdout } = await explore(line);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(rule);
  });
});

/** What a search has found, but for how long it took. */
function facts(stdout: string) {
  const lines = stdout.trimEnd().split('\n');
  return lines.map((line) => {
    const { event, data } = JSON.parse(line);
    return { event, ...data, seconds: 0, threads: 0 };
  });
}

describe('the program', { timeout: 60_000 }, () => {
  it('comes to the same with two threads as with one', async () => {
    const line = 'explore --verbs complete,cancel,drain --writes 1 --json'.split(' ');
    const [one, two] = [await runCli(line), await runCli([...line, '--threads', '2'])];
    expect([one.exitCode, two.exitCode, two.stderr]).toEqual([0, 0, '']);
    expect(facts(two.stdout)).toEqual(facts(one.stdout));
  });

  it('finds the same failure with two threads, and keeps it under a name that was free', () =>
    withFolder(async (folder) => {
      // A run that has no time to end.
      const line = 'explore --verbs cancel,pause+resume --writes 1 --steps 12'.split(' ');
      const one = await runCli(line, { cwd: folder });
      const two = await runCli([...line, '--threads', '2'], { cwd: folder });
      expect([one.exitCode, two.exitCode]).toEqual([1, 1]);
      const names = ['mirrordisk-failure-2.json', 'mirrordisk-failure.json'];
      expect(readdirSync(folder).sort()).toEqual(names);
      const seeds = names.map((name) => readSeed(readFileSync(join(folder, name), 'utf8')));
      expect(seeds[0]).toEqual(seeds[1]);
      const again = await runCli(['replay', 'mirrordisk-failure.json'], { cwd: folder });
      expect([again.exitCode, again.stdout]).toEqual([1, expect.stringMatching(/it did so\n$/)]);
    }));

  it.each([1, 2])('ends with a summary at Ctrl-C, with %d threads', async (threads) => {
    const cli = startCli(['explore', '--preset', 'issue', '--threads', String(threads)]);
    await cli.printed(/\nworld +executions/);
    cli.signal('SIGINT');
    const { exitCode, stdout, stderr } = await cli.ended;
    expect([exitCode, stderr]).toEqual([2, 'Interrupted: ending with what was found so far\n']);
    expect(stdout).toMatch(/of 52 worlds, .*\nNOT PROVED: .* it was interrupted/);
  });
});
