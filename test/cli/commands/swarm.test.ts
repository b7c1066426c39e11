import { describe, expect, it } from 'vitest';
import { runCli } from '../../support/cli.ts';
import { runMain } from '../../support/fake-io.ts';
import { checkHelp } from '../help.ts';

const swarm = (line: string) => runMain(['swarm', ...line.split(' ')]);

describe('mirrordisk swarm', { timeout: 60_000 }, () => {
  it('has a help that fits on a terminal, with options that there are', () => checkHelp('swarm'));

  it('runs the worlds of the seeds that are asked for', async () => {
    const { exitCode, stdout } = await swarm('--from 5 --seeds 3');
    expect([exitCode, stdout]).toEqual([0, expect.stringMatching(/^3 worlds \(seeds 5 to 7\), /)]);
  });

  it('takes as many worlds as it can when only the time is given', async () => {
    const { exitCode, io } = await swarm('--seconds 0.2 --json');
    expect([exitCode, io.json]).toMatchObject([0, [{ data: { cut: 'out of time' } }]]);
  });

  it.each([
    ['--seeds 0', /--seeds must be at least 1/],
    ['--from -1', /--from must be a whole number/],
    ['--seconds x', /--seconds must be a number/],
    ['--threads 65', /--threads must be a whole number from 0 to 64/],
    ['100', /It takes options only/],
  ])('refuses %s', async (line, rule) => {
    const { exitCode, stderr, stdout } = await swarm(line);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(rule);
  });

  it('comes to the same with two threads as with one', async () => {
    const facts = async (threads: string) => {
      const { stdout } = await runCli(['swarm', '--seeds', '95', '--json', '--threads', threads]);
      const { worlds, steps, ends, verdict } = JSON.parse(stdout).data;
      return { worlds, steps, ends, verdict };
    };
    const one = await facts('1');
    expect(one.worlds).toBe(95);
    expect(await facts('2')).toEqual(one);
  });
});
