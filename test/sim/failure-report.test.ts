import { expect, it } from 'vitest';
import { priorityChooser } from '../../src/sim/choosers/priority.ts';
import { search } from '../../src/sim/explorer.ts';
import { reportFailure } from '../../src/sim/failure-report.ts';
import { scenario } from '../../src/sim/scenario.ts';
import { readSeed } from '../../src/sim/seed-file.ts';
import { settle } from '../support/settle.ts';
import { forgetfulTarget } from './broken.ts';
import { read, write } from './worlds.ts';

it('shows a failure as a table, with a seed that repeats it', { timeout: 60_000 }, async () => {
  const world = scenario({ name: 'a lost write', guest: { requests: [write(0), read(1)] } });
  const options = { settle, wrap: forgetfulTarget };
  const chooserOf = (seed: number) => priorityChooser({ seed, depth: 3, length: 20 });
  const { failure } = await search(world, { ...options, chooserOf, firstSeed: 0, count: 200 });
  if (!failure) throw new Error('nothing was found');
  const text = await reportFailure(failure, options);
  expect(text).toMatch(/^step +guest +device +mirror +source +target\n/);
  expect(text).toMatch(/0: write 0.* <<\n/);
  expect(text).toContain('mirrordisk replay seed.json');
  expect(text).toMatch(/step \d+ breaks "/);
  const seed = readSeed(text.slice(text.indexOf('{')));
  expect(seed.scenario.guest.requests).toEqual([write(0)]);
});
