import { describe, expect, it } from 'vitest';
import type { Exhibit } from '../../../src/sim/museum/exhibit.ts';
import { ABSENT, EXHIBITS } from '../../../src/sim/museum/index.ts';
import type { Finding, SearchOrder } from '../../../src/sim/museum/search.ts';
import {
  describeAbsent,
  describeExhibit,
  findBug,
  findByChance,
  isExpected,
  listMuseum,
  proveAbsence,
} from '../../../src/sim/museum/show.ts';
import { scenario } from '../../../src/sim/scenario.ts';

const EXHIBIT: Exhibit = {
  name: 'X1-a-bug',
  id: 'X1',
  wing: 'lost data',
  title: 'a bug',
  story: 'It was there.   It is\n gone.',
  fix: { commit: 'abc', subject: 'mend it', year: 2020 },
  argued: 'jobs/job.ts',
  mutation: [{ file: 'a.js', find: 'one', replace: 'two' }],
  world: scenario({ name: 'a world' }),
  finds: ['I7 ready is true'],
  swarmMedian: 7,
};

const NOTHING: Finding = { verdict: 'proved', executions: 3, states: 7, steps: 20, seconds: 0.5 };

function foundBreaking(invariant: 'I7 ready is true' | 'I17 everything ends'): Finding {
  const violation = { invariant, expected: 'this', found: 'that', step: 3 };
  const run = { scenario: EXHIBIT.world, schedule: [0, 1], moves: ['a', 'b'], entries: [] };
  return { ...NOTHING, verdict: 'violated', found: { ...run, violation, timeline: 'a table' } };
}

/** A runner that takes down what it is asked for. */
function recorder() {
  const asked: { mutation: unknown; order: SearchOrder }[] = [];
  const run = async (mutation: unknown, order: SearchOrder) => {
    asked.push({ mutation, order });
    return NOTHING;
  };
  return { asked, run };
}

describe('a visit', () => {
  it('puts the bug back and looks for what it breaks', async () => {
    const runner = recorder();
    await findBug(EXHIBIT, runner, { executionsMax: 5, minimises: false });
    const order = { type: 'explore', scenario: EXHIBIT.world, finds: EXHIBIT.finds };
    const rest = { executionsMax: 5, minimises: false };
    expect(runner.asked).toEqual([{ mutation: EXHIBIT.mutation, order: { ...order, ...rest } }]);
  });

  it('runs the program as it is by all rules', async () => {
    const runner = recorder();
    await proveAbsence(EXHIBIT, runner);
    expect(runner.asked).toMatchObject([{ mutation: [], order: { type: 'explore', finds: [] } }]);
  });

  it('draws worlds by chance', async () => {
    const runner = recorder();
    await findByChance(EXHIBIT, runner, { firstSeed: 4, count: 9 });
    const order = { type: 'swarm', firstSeed: 4, count: 9 };
    expect(runner.asked).toEqual([{ mutation: EXHIBIT.mutation, order }]);
  });

  it('counts for a success only what the exhibit is about', () => {
    expect(isExpected(EXHIBIT, foundBreaking('I7 ready is true'))).toBe(true);
    expect(isExpected(EXHIBIT, foundBreaking('I17 everything ends'))).toBe(false);
    expect(isExpected(EXHIBIT, NOTHING)).toBe(false);
  });
});

describe('the texts', () => {
  it('list every exhibit and everything that is not shown', () => {
    const lines = listMuseum().split('\n');
    for (const { name, title } of EXHIBITS) {
      expect(lines.some((line) => line.startsWith(name) && line.endsWith(title))).toBe(true);
    }
    for (const { id } of ABSENT) expect(lines.some((line) => line.startsWith(`${id} `))).toBe(true);
  });

  it('tell the story, who mended it, what argues against it and what puts it back', () => {
    expect(describeExhibit(EXHIBIT).split('\n')).toEqual([
      'X1-a-bug: a bug',
      '',
      'It was there. It is gone.',
      '',
      'fixed in QEMU  abc mend it 2020',
      'prevented by   src/jobs/job.ts',
      'breaks         I7 ready is true',
      'by chance      half of all swarms find it in 7 worlds',
      '',
      'dist/a.js',
      '- one',
      '+ two',
    ]);
  });

  it('keep to the width of a terminal', () => {
    for (const exhibit of EXHIBITS) {
      const [, , ...lines] = describeExhibit(exhibit).split('fixed in QEMU')[0]?.split('\n') ?? [];
      expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
    }
  });

  it('tell why a bug is not shown', () => {
    const absent = { id: 'X2', title: 'another', why: 'It is not.', argued: 'jobs/job.ts' };
    expect(describeAbsent(absent)).toBe(
      'X2: another\n\nIt is not.\n\nprevented by  src/jobs/job.ts',
    );
  });
});
