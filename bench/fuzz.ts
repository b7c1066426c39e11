/**
 * Throws cases at the codec, the server and the client of NBD, and at the monitor: for all of them
 * `npm run fuzz -- --cases N --seed S`, for one `npm run fuzz -- server --cases N`.
 *
 * A case is its seed: the line that a failure ends with runs that case alone. The memory of the
 * process is looked at on the way; what the cases leave behind must not grow with their number.
 */

import { parseArgs } from 'node:util';
import { openClientFuzz } from '../test/fuzz/client-fuzz.ts';
import { openCodecFuzz } from '../test/fuzz/codec-fuzz.ts';
import { openMonitorFuzz } from '../test/fuzz/monitor-fuzz.ts';
import { openServerFuzz } from '../test/fuzz/server-fuzz.ts';
import { runCase, type Subject } from '../test/fuzz/subject.ts';

/** How far the memory that is in use may grow beyond what it was after the first cases. */
const GROWTH_MAX = 64 * 1024 * 1024;
/** After how many cases the memory is looked at, and said how far it has come. */
const LOOK_EVERY = 10_000;

const SUBJECTS: Readonly<Record<string, () => Subject | Promise<Subject>>> = {
  codec: openCodecFuzz,
  server: openServerFuzz,
  client: openClientFuzz,
  monitor: openMonitorFuzz,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    cases: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '0' },
  },
});
const plan = { cases: Number(values.cases), first: Number(values.seed) };
for (const name of positionals.length > 0 ? positionals : Object.keys(SUBJECTS)) {
  const open = SUBJECTS[name];
  if (!open) throw new Error(`Cannot fuzz "${name}": it must be of ${Object.keys(SUBJECTS)}`);
  await fuzz(await open(), plan);
}

async function fuzz(
  subject: Subject,
  { cases, first }: { readonly cases: number; readonly first: number },
): Promise<void> {
  const startMs = performance.now();
  let [baseline, most] = [Number.POSITIVE_INFINITY, 0];
  for (let done = 1; done <= cases; done += 1) {
    await runCase(subject, first + done - 1);
    if (done % LOOK_EVERY > 0) continue;
    const used = memoryInUse();
    baseline = Math.min(baseline, used);
    most = Math.max(most, used - baseline);
    if (most > GROWTH_MAX) throw new Error(`The ${subject.name} keeps ${most} bytes`);
    console.log(`${subject.name}: ${done} cases in ${seconds()} s`);
  }
  await subject.close();
  const growth = (most / 2 ** 20).toFixed(1);
  console.log(
    `${subject.name}: ${cases} cases from seed ${first} in ${seconds()} s; ` +
      `the memory in use grew by ${growth} MiB at most`,
  );

  function seconds(): string {
    return ((performance.now() - startMs) / 1000).toFixed(1);
  }
}

/** @returns Bytes that are in use after what is not has been collected. */
function memoryInUse(): number {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
