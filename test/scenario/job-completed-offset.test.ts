/** What a mirror says when it has completed, with a guest that goes on writing to the source. */

import { describe, expect, it } from 'vitest';
import { submitting, write } from '../support/device-rig.ts';
import { MachineRig, SIZE } from '../support/machine-rig.ts';

describe('a mirror that is cancelled softly', () => {
  it('says that offset is len, whatever its guest writes to the source from there on', async () => {
    const rig = new MachineRig();
    await using machine = rig;
    await machine.open('source');
    await machine.open('target', { start: 100 });
    const guest = machine.plug('source');
    const { job } = await machine.readyMirror({ autoFinalize: false });
    job.cancel({ force: false });
    await machine.runUntil(() => job.status === 'pending');
    const { statuses } = submitting(guest, write(0, new Uint8Array(512).fill(3)));
    job.finalize();
    await machine.runUntil(() => job.status === 'null');
    expect(statuses).toEqual([0]);
    expect(machine.dataOf('BLOCK_JOB_COMPLETED')).toMatchObject([{ offset: SIZE, len: SIZE }]);
  });
});
