/**
 * The mutation test as a program: makes mutants, lets the simulation and the tests have a go at
 * each, and tells which nobody has caught.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Killers, limitsFor } from './killers.ts';
import { reasonFor } from './known-survivors.ts';
import { type Mutant, mutantsOf } from './mutants.ts';
import { type Folders, Place } from './place.ts';
import { describeReport, type Judged, reportJson } from './report.ts';
import { sampleOf, shuffled } from './sample.ts';
import { type SoundMutant, soundOf } from './soundness.ts';

const USAGE = `Usage: npm run mutate -- [options]

Changes the program in one place at a time, and looks who notices. It ends with 0 when every mutant
was caught or is known to need no catching, 1 when some survived otherwise.

Options:
  --files GLOB    The files to change; may be repeated [src/jobs/**, src/bitmap/**]
  --sample N      So many mutants, drawn by chance; what the compiler refuses does not count [all]
  --seed S        Which ones [0]
  --again FILE    Only what an earlier report of --json leaves open: survivors, and time-outs, of
                  which a busy machine is the cause as well
  --workers N     So many mutants at a time [1]
  --minutes M     Begin with no more of them after so long, and report on those that were judged
  --json          Print the report as JSON, with what caught each
  --help          Print this`;

const FILES: readonly string[] = ['src/jobs/**', 'src/bitmap/**'];
const OPTIONS = {
  files: { type: 'string', multiple: true },
  sample: { type: 'string', default: 'Infinity' },
  seed: { type: 'string', default: '0' },
  again: { type: 'string' },
  workers: { type: 'string', default: '1' },
  minutes: { type: 'string', default: 'Infinity' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** @returns The exit code. */
export async function main(args: readonly string[], folders: Folders): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const all = filesOf(folders.top, values.files ?? FILES).flatMap((file) =>
    mutantsOf(file, readFileSync(join(folders.top, file), 'utf8')),
  );
  const asked = values.again === undefined ? all : again(all, values.again);
  const drawn = sampleOf(asked, Number(values.sample), Number(values.seed));
  const sound = soundOf(folders, drawn);
  console.error(`${all.length} mutants, ${drawn.length} drawn, ${sound.length} with sound types`);
  const { seed, workers, minutes } = values;
  const order = shuffled([...sound.keys()], Number(seed));
  const extent = { order, workers: Number(workers), minutes: Number(minutes) };
  const judged = await judgeAll(sound, folders, extent);
  console.log(values.json ? reportJson(judged) : describeReport(judged));
  return judged.some((one) => one.by === 'nobody' && reasonFor(one) === undefined) ? 1 : 0;
}

/** @returns The paths of the files that some globs name, in order. */
function filesOf(top: string, globs: readonly string[]): readonly string[] {
  const patterns = globs.map((glob) => {
    const source = glob
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replace(/\*\*?/g, (stars) => (stars === '*' ? '[^/]*' : '.*'));
    return new RegExp(`^${source}$`);
  });
  return readdirSync(join(top, 'src'), { recursive: true, encoding: 'utf8' })
    .map((name) => `src/${name}`)
    .filter((path) => path.endsWith('.ts') && patterns.some((pattern) => pattern.test(path)))
    .sort();
}

/** @returns The mutants that an earlier report leaves open; the lines may have moved since. */
function again(mutants: readonly Mutant[], report: string): readonly Mutant[] {
  // It is what this program has written.
  const earlier = JSON.parse(readFileSync(report, 'utf8')) as {
    readonly mutants: readonly Judged[];
  };
  const open = earlier.mutants.filter(({ by }) => by === 'nobody' || by === 'time-out');
  return mutants.filter(({ file, change }) =>
    open.some((one) => one.file === file && one.change === change),
  );
}

interface Extent {
  /** Which mutants come first, by their places: those that there is time for are a sample too. */
  readonly order: readonly number[];
  /** How many at a time. */
  readonly workers: number;
  readonly minutes: number;
}

/** Judges mutants, as many at a time as there are workers; the report has them in their order. */
async function judgeAll(
  mutants: readonly SoundMutant[],
  folders: Folders,
  { order, workers, minutes }: Extent,
): Promise<readonly Judged[]> {
  if (mutants.length === 0) return [];
  const judged: Judged[] = [];
  const places = Array.from(
    { length: workers },
    (_, index) => new Place(folders, `place-${index}`),
  );
  const [first] = places;
  if (!first) throw new RangeError(`Cannot try mutants: there must be workers: ${workers}`);
  const limits = await limitsFor(first, [...new Set(mutants.map(({ mutant }) => mutant.file))]);
  const waiting = order.values();
  const endMs = performance.now() + minutes * 60_000;
  let done = 0;
  await Promise.all(
    places.map(async (place) => {
      const killers = new Killers(place, limits);
      for (const index of waiting) {
        const sound = mutants[index];
        if (!sound) break;
        const { text, ...rest } = sound.mutant;
        const verdict = await killers.judge(sound);
        judged[index] = { ...rest, ...verdict };
        done += 1;
        const { file, line, change } = rest;
        console.error(`${done}/${mutants.length} ${verdict.by} ${file}:${line}: ${change}`);
        if (performance.now() > endMs) break;
      }
    }),
  );
  return judged.filter((one) => one !== undefined);
}
