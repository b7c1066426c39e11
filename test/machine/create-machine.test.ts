import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createMachine, type MachineEvent } from '../../src/index.ts';
import { pattern } from '../support/drivers.ts';
import { withFolder } from '../support/temporary.ts';

const SIZE = 64 * 1024;

it('a machine has the verbs of QMP: a disk is added, mirrored, switched over and deleted', () =>
  withFolder(async (folder) => {
    const [source, target] = [join(folder, 'source.img'), join(folder, 'target.img')];
    await writeFile(source, pattern(SIZE));
    await writeFile(target, new Uint8Array(SIZE));
    await using machine = createMachine({ name: 'library' });
    const told: MachineEvent['event'][] = [];
    const ready = new Promise<void>((resolve) => {
      machine.subscribe(({ event }) => {
        told.push(event);
        if (event === 'BLOCK_JOB_READY') resolve();
      });
    });
    for (const [name, filename] of Object.entries({ source, target })) {
      const file = { driver: 'file', filename };
      await machine.graph.open({ driver: 'raw', 'node-name': name, file });
    }
    const guest = machine.addDevice('source', { name: 'vda' });
    const { job } = await machine.jobs.startMirror({
      id: 'job0',
      source: 'source',
      target: 'target',
    });
    await ready;
    job.complete();
    expect(await job.finished).toEqual({ status: 'completed' });
    expect(told.at(-1)).toBe('JOB_STATUS_CHANGE');
    // The guest is on the target now, and nobody on the source.
    await machine.graph.close(machine.graph.find('source'));
    await guest.request({ type: 'out', sector: 0, data: pattern(512, 7) });
    await machine.shutdown('host-qmp-quit');
    const copied = await readFile(target);
    expect(Buffer.compare(copied.subarray(0, 512), pattern(512, 7))).toBe(0);
    expect(Buffer.compare(copied.subarray(512), pattern(SIZE).subarray(512))).toBe(0);
    expect([machine.name, machine.graph.nodes]).toEqual(['library', []]);
  }));

it('a verb refuses with the words of QEMU', async () => {
  await using machine = createMachine();
  const reason = "Failed to find node with node-name='nothing'";
  expect(() => machine.graph.find('nothing')).toThrow(reason);
});
