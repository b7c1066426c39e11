import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runMain } from '../support/fake-io.ts';
import { withFolder } from '../support/temporary.ts';

const COMMANDS = ['mirror', 'compare', 'create', 'info', 'explore', 'swarm', 'replay', 'museum'];

describe('mirrordisk', () => {
  it.each(['--version', '-V'])('%s tells the version of the package', async (option) => {
    const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
    const { exitCode, stdout } = await runMain([option]);
    expect([exitCode, stdout]).toEqual([0, `mirrordisk ${JSON.parse(text).version}`]);
  });

  it.each([['--help'], ['-h'], ['help']])('%s tells of every command', async (...args) => {
    const { exitCode, stdout, stderr } = await runMain(args);
    expect([exitCode, stderr]).toEqual([0, '']);
    for (const name of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${name} +\\w`, 'm'));
  });

  it('without arguments says the same, but as an error', async () => {
    const help = await runMain(['--help']);
    expect(await runMain([])).toMatchObject({ exitCode: 2, stdout: '', stderr: help.stdout });
  });

  it.each(COMMANDS)('has the same help for %s, whichever way it is asked', async (name) => {
    const help = await runMain(['help', name]);
    expect(help.exitCode).toBe(0);
    expect(help.stdout).toMatch(new RegExp(`^Usage: mirrordisk ${name} [^]*Exit codes: 0 `));
    for (const args of [
      [name, '--help'],
      [name, '-h'],
      [name, 'a', 'b', '--help'],
      ['--help', name],
    ])
      expect((await runMain(args)).stdout).toBe(help.stdout);
  });

  it.each(COMMANDS)('has a help for %s that fits on a terminal', async (name) => {
    const { stdout } = await runMain([name, '--help']);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('explains every option of mirror that there is', async () => {
    const { stdout } = await runMain(['mirror', '--help']);
    const named = new Set(stdout.match(/--[a-z][a-z-]*/g));
    for (const option of named) {
      const { stderr } = await runMain(['mirror', option]);
      expect(stderr).not.toContain('Unknown option');
    }
    expect(named.size).toBe(27);
  });

  it.each([
    [['clone'], 'mirrordisk: There is no command "clone"; "mirrordisk --help" lists them'],
    [['help', 'clone'], 'mirrordisk: There is no command "clone"; "mirrordisk --help" lists them'],
    [['--quick'], 'mirrordisk: There is no option "--quick"; "mirrordisk --help" lists them'],
    [['a\nb\x1b[31m'], 'There is no command "a\\x0ab\\x1b[31m";'],
    [['mirror', '--quick'], "mirrordisk mirror: Unknown option '--quick'; "],
    [['compare', 'a'], 'mirrordisk compare: It takes two images, and was given "a"; '],
    [['info', '/no\nwhere'], 'mirrordisk info: Cannot look at "/no\\x0awhere": '],
  ])('answers %j with one line on standard error and exit code 2', async (args, message) => {
    const { exitCode, stdout, stderr } = await runMain(args);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('\n');
  });

  it('takes what is shown away before it says what went wrong', () =>
    withFolder(async (folder) => {
      const { io } = await runMain(['info', folder], { columns: 80 });
      expect(io.drawings.at(-1)).toEqual([]);
    }));
});
