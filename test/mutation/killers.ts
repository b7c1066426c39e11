/**
 * Who may catch a mutant, the cheapest first: the simulation, the tests of the changed file, and
 * then all others that reach it.
 */

import { join } from 'node:path';
import type { Place } from './place.ts';
import { type Ended, runNode } from './processes.ts';
import { Imports } from './related-tests.ts';
import type { SoundMutant } from './soundness.ts';

/** What became of a mutant: who caught it, and by what; or nobody did. */
export interface Verdict {
  readonly by: 'simulation' | 'tests' | 'time-out' | 'nobody';
  /** The promise that was broken, or the test that failed. */
  readonly what: string;
}

interface Killer {
  readonly by: 'simulation' | 'tests';
  /** @param secondsMax How long it may take. */
  run(secondsMax: number): Promise<Ended>;
  /** Reads out of what it has said what was wrong. */
  explain(output: string): string;
}

/** How long each may take, in seconds. */
export type Limits = Readonly<Record<Killer['by'], number>>;

/** How much longer than usual it may take: others are at work on the machine too. */
const PATIENCE = 4;
/** What it may take at least, in seconds: the machine may have been idle when it was measured. */
const SECONDS_MIN = 30;
/** What each takes at most, without a mutant. */
const USUAL: Limits = { simulation: 600, tests: 600 };
/** What one test takes at most; vitest's own five seconds are too few on a busy machine. */
const TEST_MS_MAX = 120_000;

/**
 * Runs everything that will be asked about some files, without a mutant.
 *
 * @returns How long each may take with one.
 * @throws {RangeError} When one of them finds something wrong with the program as it is.
 */
export async function limitsFor(place: Place, files: readonly string[]): Promise<Limits> {
  const { simulation, tests } = new Killers(place, USUAL).allOf(files);
  const timed = async ({ by, run, explain }: Killer) => {
    const { how, output, seconds } = await run(USUAL[by]);
    if (how !== 'well') throw new RangeError(`Cannot begin: ${explain(output)}`);
    return Math.max(seconds * PATIENCE, SECONDS_MIN);
  };
  return { simulation: await timed(simulation), tests: await timed(tests) };
}

export class Killers {
  readonly #place: Place;
  readonly #secondsMax: Limits;
  readonly #imports: Imports;

  constructor(place: Place, secondsMax: Limits) {
    this.#place = place;
    this.#secondsMax = secondsMax;
    this.#imports = new Imports(place.tree);
  }

  /** All who are asked about some files, the tests at once. */
  allOf(files: readonly string[]): Readonly<Record<Killer['by'], Killer>> {
    const related = files.map((file) => this.#imports.testsOf(file));
    const tests = new Set(related.flatMap(({ own, others }) => [...own, ...others]));
    return { simulation: this.#simulation(), tests: this.#tests([...tests]) };
  }

  /** Looks for somebody who catches a mutant. */
  judge(sound: SoundMutant): Promise<Verdict> {
    return this.#place.holding(sound, async () => {
      for (const { by, run, explain } of this.#killersOf(sound.mutant.file)) {
        const { how, output } = await run(this.#secondsMax[by]);
        const isLate = how === 'too late' || /Test timed out in/.test(output);
        if (isLate) return { by: 'time-out', what: by };
        if (how === 'badly') return { by, what: explain(output) };
      }
      return { by: 'nobody', what: '' };
    });
  }

  #killersOf(file: string): readonly Killer[] {
    const { own, others } = this.#imports.testsOf(file);
    const tests = [own, others].filter(({ length }) => length > 0);
    return [this.#simulation(), ...tests.map((paths) => this.#tests(paths))];
  }

  #simulation(): Killer {
    const folder = this.#place.compiled;
    const args = [join(folder, 'test/mutation/simulation.js')];
    return {
      by: 'simulation',
      run: (secondsMax) => runNode({ args, folder, secondsMax }),
      explain: (output) => output.trim() || 'it ended before its time',
    };
  }

  #tests(tests: readonly string[]): Killer {
    const folder = this.#place.tree;
    const vitest = join(folder, 'node_modules/vitest/vitest.mjs');
    // One thread for all files, without a new start for each, is what takes the least time.
    const fast = ['--pool=threads', '--no-isolate', '--maxWorkers=1', '--bail=1'];
    const told = [`--testTimeout=${TEST_MS_MAX}`, '--reporter=json', '--silent=true'];
    const args = [vitest, 'run', ...fast, ...told, ...tests];
    return {
      by: 'tests',
      run: (secondsMax) => runNode({ args, folder, secondsMax }),
      explain: failedTest,
    };
  }
}

/** @returns The name of the first test that failed. */
function failedTest(output: string): string {
  const [, title] = /"fullName":"((?:[^"\\]|\\.)*)","status":"failed"/.exec(output) ?? [];
  return title ?? 'an error outside of all tests';
}
