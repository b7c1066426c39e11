/** The bugs of the catalogue that no small change puts back, and why. */

import { scenario } from '../scenario.ts';
import type { Absent } from './exhibit.ts';
import { BLOCKING, COARSE, FINE, SIMPLE, write } from './parts.ts';

export const ABSENCES: readonly Absent[] = [
  {
    id: 'B14',
    title: 'copies that were widened to clusters overlap',
    why: `What is claimed is the widened range itself, in the one place that all claims come
      from, so there is no narrower claim beside it; and a simulated target has no clusters to
      show it.`,
    argued: 'jobs/mirror/pair.ts',
  },
  {
    id: 'E4',
    title: 'a second complete references the node to replace again',
    why: `To complete does nothing but note that it was asked for: the node to replace is
      looked up when the switch is made, which happens once.`,
    argued: 'jobs/job.ts',
    world: scenario({
      ...SIMPLE,
      name: 'two completes',
      sectors: 1,
      verbs: [{ verb: 'complete' }, { verb: 'complete' }],
    }),
  },
  {
    id: 'E7',
    title: 'a job that fails changes the backing of its target',
    why: `The backing is set behind the verdict that the result counts, on the only way that
      leads to COMPLETED; a job that fails or is cancelled has left by an exception before.`,
    argued: 'jobs/mirror/mirror.ts',
  },
  {
    id: 'E14',
    title: 'the filter drops the permissions of those above it',
    why: `In QEMU another program could then open the image for writing. Here that is kept off
      by a lock, which is taken when the file is opened and given back when it is closed; it
      follows no permissions of those above, so there are none to drop.`,
    argued: 'drivers/file.ts',
  },
  {
    id: 'L6',
    title: 'a copy is chosen, the job pauses, and the copy is made unseen',
    why: `This is B15, which is shown. It is prevented by carrying no decision across an
      await: the loop looks at everything anew, and a range is chosen, claimed and begun in one
      step.`,
    argued: 'jobs/mirror/copier.ts',
    world: scenario({
      ...SIMPLE,
      name: 'a pause under writes that go to both disks',
      sectors: 1,
      mirror: { ...FINE, ...BLOCKING },
      guest: { requests: [write(0), write(0)], depth: 1 },
      verbs: [{ verb: 'pause' }, { verb: 'resume' }, { verb: 'complete' }],
    }),
  },
  {
    id: 'L7',
    title: 'a widened copy claims only what it was before',
    why: 'This is B14: a claim is made of the widened range.',
    argued: 'jobs/mirror/pair.ts',
  },
  {
    id: 'L8',
    title: 'writes that do not come through the filter are missed',
    why: `Every change is marked by the node of the source itself, whoever made it. It leaves
      out only what the filter asks it to: a write that the filter sends to both disks, and only
      if that succeeds.`,
    argued: 'block/node.ts',
  },
  {
    id: 'L9',
    title: 'what a discarded range reads as differs between the two disks',
    why: `A discard goes to the source alone, and what the source then reads as is copied like
      any other bytes.`,
    argued: 'jobs/mirror/filter.ts',
    world: scenario({
      ...SIMPLE,
      name: 'a discard under writes that go to both disks',
      source: { stages: 1, operations: ['discard'] },
      target: { stages: 1, operations: ['discard'] },
      mirror: { ...COARSE, ...BLOCKING },
      guest: { requests: [{ type: 'discard', sector: 0, sectors: 1 }, write(1)], depth: 1 },
    }),
  },
];
