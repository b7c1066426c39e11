import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeEnv } from '../../src/env/node.ts';
import { Machine, type MachineEvent } from '../../src/machine/machine.ts';
import { SocketRecorder } from '../support/socket-recorder.ts';
import { withFolder } from '../support/temporary.ts';

const refusal = (code: string) => expect.objectContaining({ code });

/** A machine with a disk, and a place for its server. */
async function withMachine(
  body: (machine: Machine, address: { type: 'unix'; path: string }) => Promise<void>,
): Promise<readonly MachineEvent[]> {
  const events: MachineEvent[] = [];
  await withFolder(async (folder) => {
    const machine = new Machine(nodeEnv());
    machine.subscribe((event) => events.push(event));
    await machine.graph.open({ driver: 'memory', size: 65_536, 'node-name': 'disk' });
    try {
      await body(machine, { type: 'unix', path: join(folder, 'socket') });
    } finally {
      await machine.close();
    }
  });
  return events;
}

describe('the exports of a machine', () => {
  it('are those of one server at a time', async () => {
    await withMachine(async ({ exports }, address) => {
      expect(() => exports.add({ id: 'a', nodeName: 'disk' })).toThrow(refusal('ENOTCONN'));
      expect(exports.query()).toEqual([]);
      await exports.start({ address });
      await expect(exports.start({ address })).rejects.toThrow(refusal('EBUSY'));
      await exports.stop();
      await exports.stop();
      await expect(exports.remove('a')).rejects.toThrow(refusal('ENOENT'));
      await exports.start({ address });
    });
  });

  it('can be tried again where a server could not listen', async () => {
    await withMachine(async ({ exports }, address) => {
      const wrong = { type: 'unix', path: `${address.path}/none/socket` } as const;
      await expect(exports.start({ address: wrong })).rejects.toThrow();
      await exports.start({ address });
    });
  });

  it('are told of as QEMU tells of them', async () => {
    const events = await withMachine(async ({ exports }, address) => {
      await exports.start({ address });
      exports.add({ id: 'a', nodeName: 'disk', writable: true });
      exports.add({ id: 'b', nodeName: 'disk', name: 'other' });
      expect(() => exports.add({ id: 'c', nodeName: 'none' })).toThrow(refusal('ENODEV'));
      expect(exports.query()).toEqual([
        { id: 'b', type: 'nbd', 'node-name': 'disk', 'shutting-down': false },
        { id: 'a', type: 'nbd', 'node-name': 'disk', 'shutting-down': false },
      ]);
      await exports.remove('a');
    });
    expect(events).toMatchObject([
      { event: 'BLOCK_EXPORT_DELETED', data: { id: 'a' } },
      { event: 'BLOCK_EXPORT_DELETED', data: { id: 'b' } },
    ]);
  });

  it('keep the bitmaps that they show', async () => {
    await withMachine(async ({ exports, bitmaps, graph }, address) => {
      const node = graph.find('disk');
      const bitmap = bitmaps.add(node, { name: 'b0', isRecording: false });
      await exports.start({ address });
      const wrong = { id: 'a', nodeName: 'disk', bitmaps: ['none'] };
      expect(() => exports.add(wrong)).toThrow(refusal('ENOENT'));
      const added = exports.add({ id: 'a', nodeName: 'disk', bitmaps: ['b0', 'b0'] });
      expect(added.bitmaps).toEqual(new Map([['b0', bitmap]]));
      expect(() => bitmaps.remove(node, 'b0')).toThrow(refusal('EBUSY'));
      const second = { id: 'b', name: 'second', nodeName: 'disk', bitmaps: ['b0'] };
      expect(() => exports.add(second)).toThrow(refusal('EBUSY'));
      await exports.remove('a');
      exports.add(second);
      await exports.stop();
      bitmaps.remove(node, 'b0');
    });
  });

  it('show what a bitmap records if they can write, or if the disk cannot be written', async () => {
    await withMachine(async ({ exports, bitmaps, graph }, address) => {
      const node = graph.find('disk');
      const still = await graph.open({
        ...{ driver: 'raw', file: 'disk' },
        ...{ 'node-name': 'still', 'read-only': true },
      });
      bitmaps.add(node, { name: 'b0' });
      bitmaps.add(still, { name: 'b1' });
      await exports.start({ address });
      const shows = { id: 'a', nodeName: 'disk', bitmaps: ['b0'] };
      expect(() => exports.add(shows)).toThrow(refusal('EINVAL'));
      exports.add({ ...shows, writable: true });
      exports.add({ id: 'b', nodeName: 'still', bitmaps: ['b1'] });
    });
  });

  it('write where a guest does only if it shares', async () => {
    await withMachine(async (machine, address) => {
      const { exports } = machine;
      await exports.start({ address });
      const device = machine.addDevice('disk', { name: 'vda' });
      const writing = { id: 'a', nodeName: 'disk', writable: true };
      expect(() => exports.add(writing)).toThrow(refusal('EBUSY'));
      exports.add({ id: 'b', nodeName: 'disk' });
      await machine.unplug(device);
      machine.addDevice('disk', { name: 'vda', shareRw: true });
      exports.add({ ...writing, name: 'other' });
    });
  });

  it('end with the machine, and so do their clients', async () => {
    await withMachine(async (machine, address) => {
      await machine.exports.start({ address });
      const connection = await machine.env.sockets.connect(address);
      const recorder = new SocketRecorder(connection);
      await recorder.received(18);
      await machine.close();
      await recorder.happened('ended');
      connection.destroy();
      expect(machine.exports.query()).toEqual([]);
    });
  });
});
