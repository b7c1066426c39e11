/** One device that writes to a disk. */

import { describe, expect, it } from 'vitest';
import { MachineRig } from '../support/machine-rig.ts';

describe('a second device that writes', () => {
  it('is refused on a disk that one has already', async () => {
    await using machine = new MachineRig();
    await machine.open('source');
    machine.plug('source');
    expect(() => machine.plug('source', { name: 'vdb' })).toThrow(
      expect.objectContaining({
        code: 'EBUSY',
        message: expect.stringContaining('Permission conflict'),
      }),
    );
  });
});
