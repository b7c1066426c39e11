import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type VisitPlan, visit } from '../../src/cli/museum-visit.ts';
import type { Exhibit } from '../../src/sim/museum/exhibit.ts';
import type { Finding } from '../../src/sim/museum/search.ts';
import type { MutantRunner } from '../../src/sim/museum/show.ts';
import { scenario } from '../../src/sim/scenario.ts';
import { ENTRIES } from '../sim/entries.ts';
import { FakeIo, type FakeIoOptions } from '../support/fake-io.ts';
import { withFolder } from '../support/temporary.ts';

const EXHIBIT: Exhibit = {
  name: 'X1-a-lost-write',
  id: 'X1',
  wing: 'lost data',
  title: 'a write is lost',
  story: 'It was written, and then it was gone.',
  argued: 'jobs/mirror/pair.ts',
  mutation: [{ file: 'jobs/mirror/pair.js', find: 'keep();', replace: 'lose();' }],
  world: scenario(),
  finds: ['I1 clean ranges are equal'],
  swarmMedian: 7,
};

const EFFORT = { executions: 7, states: 9, steps: 11, seconds: 0.5 };
const PROVED: Finding = { verdict: 'proved', ...EFFORT };
const FOUND: Finding = {
  verdict: 'violated',
  ...EFFORT,
  found: {
    scenario: EXHIBIT.world,
    schedule: [1, 0],
    moves: ['one', 'other'],
    violation: {
      invariant: 'I1 clean ranges are equal',
      expected: "request 0's sector 1",
      found: 'zeroes',
      step: 3,
      sector: 1,
    },
    entries: ENTRIES.map((entry) => ({ nowMs: 0, ...entry })),
    timeline: '',
  },
};

/** Runs nothing: a mutant gives the one, and the program as it is the other. */
function runnerOf(mutant: Finding, own: Finding): MutantRunner {
  return { run: async (mutation) => (mutation.length > 0 ? mutant : own) };
}

async function run(
  plan: Partial<VisitPlan> = {},
  runner: MutantRunner = runnerOf(FOUND, PROVED),
  options: FakeIoOptions = {},
) {
  const io = new FakeIo(options);
  const whole = { exhibits: [EXHIBIT], whole: true, output: { json: false }, ...plan };
  const exitCode = await visit(whole, io, runner);
  return { exitCode, io, stdout: io.stdout.join('\n') };
}

describe('a visit to the museum', () => {
  it('tells the story of a bug, shows it, and that it is gone without the change', async () => {
    const { exitCode, stdout } = await run();
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(
      /^X1-a-lost-write: a write is lost\n\nIt was written, and then it was gone/,
    );
    expect(stdout).toContain('put back: breaks "I1 clean ranges are equal" (7 executions, 0.5 s)');
    expect(stdout).toMatch(/\nstep {2}guest.*0: write 1 .* <<\n/s);
    expect(stdout).toMatch(/without it, the same world: every schedule keeps every rule/);
  });

  it('tells each of several in a line, and how many were found', async () => {
    const exhibits = [EXHIBIT, EXHIBIT];
    const { exitCode, stdout } = await run({ exhibits, whole: false });
    expect(exitCode).toBe(0);
    expect(stdout.split('\n')).toEqual([
      expect.stringMatching(/^found {3}X1-a-lost-write: breaks "I1/),
      expect.stringMatching(/^found {3}X1-a-lost-write: breaks "I1/),
      '2 of 2 bugs found where put back, and only there',
    ]);
  });

  it.each([
    ['is not found', runnerOf(PROVED, PROVED)],
    ['is found without the change too', runnerOf(FOUND, FOUND)],
    ['may be there without the change', runnerOf(FOUND, { ...PROVED, verdict: 'bounded' })],
  ])('says so when a bug %s', async (_, runner) => {
    const { exitCode, stdout } = await run({ whole: false }, runner);
    expect([exitCode, stdout]).toEqual([1, expect.stringMatching(/^MISSED .*\n0 of 1 bug found/)]);
  });

  it('ends with what it has seen when it is interrupted', async () => {
    const { exitCode, stdout, io } = await run(
      { exhibits: [EXHIBIT, EXHIBIT], whole: false },
      undefined,
      {
        columns: 80,
        onLine: (line, own) => line.startsWith('found') && own.interrupt(),
      },
    );
    expect(exitCode).toBe(2);
    expect(stdout).toMatch(/^found .*\n1 of 2 bugs found/);
    expect([io.drawings.at(-1), io.handlers.size]).toEqual([[], 0]);
  });

  it('draws a page that names the command that shows it again', () =>
    withFolder(async (folder) => {
      const html = join(folder, 'x1.html');
      await run({ output: { json: false, html } });
      const page = readFileSync(html, 'utf8');
      expect(page).toContain('mirrordisk museum X1-a-lost-write');
      expect(page).toContain('<h1>X1: a write is lost</h1>');
    }));

  it('writes JSON when asked for it', async () => {
    const { io } = await run({ output: { json: true } });
    expect(io.json).toMatchObject([
      {
        event: 'MUSEUM_EXHIBIT',
        data: { name: 'X1-a-lost-write', verdict: 'violated', asExpected: true },
      },
    ]);
  });
});
