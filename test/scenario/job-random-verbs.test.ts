/**
 * Random worlds of verbs: a guest writes, disks fail, drains come and go, and somebody asks the job
 * for everything at any time. Whatever happens, the statuses follow QEMU's table, a verb is carried
 * out or refused, and the job ends as it says.
 */

import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { type Random, seededRandom } from '../../src/base/random.ts';
import { drained } from '../../src/block/drain.ts';
import type { Job } from '../../src/jobs/job.ts';
import { TRANSITIONS } from '../../src/jobs/states.ts';
import { write } from '../support/device-rig.ts';
import { pattern } from '../support/drivers.ts';
import { GRANULARITY, MachineRig, SIZE } from '../support/machine-rig.ts';

const STEPS = 60;
const POLICIES = ['report', 'ignore', 'enospc', 'stop', 'auto'] as const;
const MODES = ['background', 'write-blocking'] as const;

const VERBS: readonly ((job: Job) => void)[] = [
  (job) => job.pause(),
  (job) => job.resume(),
  (job) => job.resume(),
  (job) => job.setSpeed(64 * 1024),
  (job) => job.setSpeed(0),
  (job) => job.complete(),
  (job) => job.finalize(),
  (job) => job.dismiss(),
  (job) => job.cancel({ force: false }),
];

function pick<T>(random: Random, from: readonly T[]): T {
  const chosen = from[random.below(from.length)];
  if (chosen === undefined) throw new Error('there is nothing to choose from');
  return chosen;
}

/** Asks for what may be refused. */
function ask(verb: () => void): void {
  try {
    verb();
  } catch (error) {
    if (!(error instanceof BlockError && error.code === 'EPERM')) throw error;
  }
}

/** A rule that fails some requests, or none. */
function faults(random: Random, iotype: string) {
  if (random.below(2) === 0) return [];
  return [{ id: 'bad', iotype, probability: 0.1, errno: pick(random, ['EIO', 'ENOSPC']) }];
}

async function openWorld(seed: number) {
  const random = seededRandom(seed);
  const rig = new MachineRig();
  const source = await rig.openFaulty('source', faults(random, 'read'));
  const target = await rig.openFaulty('target', faults(random, 'write'), { start: 100 });
  const guest = rig.plug('source', { werror: 'report' });
  const isEqual: boolean[] = [];
  rig.onEvent = (event) => {
    const meets =
      event.event === 'BLOCK_JOB_READY' ||
      (event.event === 'JOB_STATUS_CHANGE' && event.data.status === 'pending');
    if (meets) isEqual.push(Buffer.compare(source.disk.bytes, target.disk.bytes) === 0);
  };
  const { job, work } = await rig.mirror({
    bufSize: 4 * GRANULARITY,
    speed: pick(random, [0, 64 * 1024]),
    copyMode: pick(random, MODES),
    onSourceError: pick(random, POLICIES),
    onTargetError: pick(random, POLICIES),
    autoFinalize: random.below(2) === 0,
    autoDismiss: random.below(2) === 0,
  });
  return { random, rig, source, target, guest, job, work, isEqual };
}

/** Every change of status is one of the table's, and the ends are told once, in their order. */
function demandGrammar(told: readonly string[]): void {
  const statuses = told.filter((word) => word in TRANSITIONS) as (keyof typeof TRANSITIONS)[];
  for (const [index, status] of statuses.entries()) {
    const next = statuses[index + 1];
    if (next) expect(TRANSITIONS[status], `${status} -> ${next}`).toContain(next);
  }
  const end = told.findIndex((word) => /COMPLETED|CANCELLED/.test(word));
  expect(told.filter((word) => /COMPLETED|CANCELLED/.test(word))).toHaveLength(1);
  expect(told.slice(end + 1)).toEqual(['concluded', 'null']);
  const readies = told.filter((word) => word === 'BLOCK_JOB_READY');
  expect(readies.length).toBeLessThanOrEqual(1);
  if (told.includes('pending')) expect(readies).toHaveLength(1);
}

describe('verbs at any time', () => {
  it.each(Array.from({ length: 80 }, (_, seed) => seed))(
    'are obeyed or refused, seed %i',
    async (seed) => {
      const world = await openWorld(seed);
      const { random, rig, source, target, guest, job, work, isEqual } = world;
      await using machine = rig;
      const waiting: Promise<unknown>[] = [];
      for (let step = 0; step < STEPS; step += 1) {
        const kind = random.below(10);
        if (kind < 4) {
          const sector = random.below(SIZE / 512);
          waiting.push(guest.request(write(sector, pattern(512, random.below(250)))));
        } else if (kind < 8) {
          ask(() => pick(random, VERBS)(job));
        } else if (kind < 9) {
          const node = machine.node(pick(random, ['source', 'target']));
          waiting.push(drained(node, () => {}));
        }
        await machine.pass(random.below(40));
      }
      // The disks are mended, and the job is brought to an end.
      for (const { control } of [source, target]) ask(() => disarm(control));
      await machine.runUntil(() => {
        if (job.status === 'null') return true;
        ask(() => job.setSpeed(0));
        for (const verb of [job.resume, job.complete, job.finalize, job.dismiss]) {
          ask(() => verb.call(job));
        }
        return false;
      });
      await Promise.all(waiting);
      const outcome = await job.finished;
      demandGrammar(machine.told);
      expect(isEqual).not.toContain(false);
      expect(work.switched && outcome.status !== 'completed').toBe(false);
      if (outcome.status === 'completed') {
        const [end] = machine.dataOf('BLOCK_JOB_COMPLETED');
        const { offset, len } = { offset: -1, len: -2, ...end };
        expect(offset).toBe(len);
      }
      // The guest is where the outcome says, and nothing of the job is left on either disk.
      const bytes = pattern(512, 77);
      await guest.request(write(5, bytes));
      const [used, other] = work.switched ? [target, source] : [source, target];
      expect(used.disk.bytes.subarray(5 * 512, 6 * 512)).toEqual(bytes);
      expect(other.disk.bytes.subarray(5 * 512, 6 * 512)).not.toEqual(bytes);
      const parents = ['source', 'target'].flatMap((name) => [...machine.node(name).parents]);
      expect(parents.map(({ parent }) => parent.name)).toEqual(['vda']);
    },
  );
});

function disarm(control: { disarm(id: string): void }): void {
  try {
    control.disarm('bad');
  } catch (error) {
    if (!(error instanceof BlockError && error.code === 'ENOENT')) throw error;
  }
}
