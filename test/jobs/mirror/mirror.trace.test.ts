import { expect, it } from 'vitest';
import { pattern } from '../../support/drivers.ts';
import { Rig } from '../../support/rig.ts';

it('a mirror tells of its course by the trace points of QEMU', async () => {
  const rig = await Rig.open({ size: 4096 });
  rig.sourceDisk.bytes = pattern(4096);
  const told: string[] = [];
  Object.assign(rig.env, { trace: (name: string, text: string) => told.push(`${name} ${text}`) });
  const { job } = await rig.start({ granularity: 4096 });
  await rig.runUntil(() => job.status === 'ready');
  expect(told).toMatchInlineSnapshot(`
    [
      "mirror_start bs source s mirror0",
      "mirror_one_iteration s mirror0 offset 0 bytes 4096",
      "mirror_iteration_done s mirror0 offset 0 bytes 4096 ret 0",
      "mirror_before_flush s mirror0",
      "mirror_before_drain s mirror0 dirty count 0",
    ]
  `);
  job.cancel({ force: true });
  await rig.runUntil(() => job.status === 'null');
});
