import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { BlockEdge } from '../../src/block/edge.ts';
import { STATUS } from '../../src/device/request.ts';
import type { VirtioBlockDevice } from '../../src/device/virtio-blk.ts';
import { RunState, type RunStateEvent } from '../../src/machine/run-state.ts';
import { deviceRig, read, submitting, write } from '../support/device-rig.ts';
import { pattern } from '../support/drivers.ts';
import { settle, watch } from '../support/settle.ts';

interface MachineOptions {
  readonly autostart?: boolean;
  readonly flushAll?: () => Promise<void>;
  /** Hears of everything, and may act on it. */
  readonly listen?: (line: string, machine: RunState) => void;
}

/** Two devices on disks that wait for the test, in one machine, and what all of them told. */
function machineOf({ autostart = true, flushAll, listen }: MachineOptions = {}) {
  const log: string[] = [];
  const tell = (line: string) => {
    log.push(line);
    listen?.(line, state);
  };
  const devices = new Set<VirtioBlockDevice>();
  const state: RunState = new RunState({
    devices,
    autostart,
    flushAll: flushAll ?? (async () => void log.push('flush all')),
    onEvent: (told: RunStateEvent) => tell(told.event),
  });
  const plug = (name: string) => {
    const rig = deviceRig({
      name,
      rerror: 'stop',
      onEvent: ({ event }) => tell(`${name} ${event} ${rig.device.ioStatus}`),
      onStop: () => state.stopForError(),
    });
    rig.gate.mode = 'held';
    devices.add(rig.device);
    state.admit(rig.device);
    const fail = async () => {
      rig.gate.next().fail(new BlockError('EIO', 'test', 'broken'));
      await settle();
    };
    const complete = async () => {
      rig.gate.next().complete();
      await settle();
    };
    return { ...rig, fail, complete };
  };
  return { log, state, devices, plug, vda: plug('vda'), vdb: plug('vdb') };
}

describe('stop()', () => {
  it('stops every device, tells STOP, waits for what is in flight, then flushes', async () => {
    const { log, state, vda, vdb } = machineOf();
    submitting(vda.device, read());
    submitting(vdb.device, read());
    const stopping = watch(() => state.stop());
    expect(state).toMatchObject({ status: 'paused', running: false });
    expect([vda.device.stopped, vdb.device.stopped]).toEqual([true, true]);
    expect(log).toEqual(['STOP']);
    await vda.complete();
    expect(log).toEqual(['STOP']);
    await vdb.complete();
    expect(log).toEqual(['STOP', 'flush all']);
    expect(stopping.state).toBe('done');
  });

  it('is told of once; a second call waits for the same, and flushes', async () => {
    const { log, state, vda } = machineOf();
    submitting(vda.device, read());
    const calls = [watch(() => state.stop()), watch(() => state.stop())];
    await settle();
    expect(calls.map((call) => call.state)).toEqual(['pending', 'pending']);
    await vda.complete();
    expect(calls.map((call) => call.state)).toEqual(['done', 'done']);
    expect(log).toEqual(['STOP', 'flush all', 'flush all']);
  });

  it('rejects with what the flush failed with, the machine having stopped', async () => {
    const { state } = machineOf({
      flushAll: () => Promise.reject(new BlockError('ENOSPC', 'flush', 'full')),
    });
    await expect(state.stop()).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(state.status).toBe('paused');
    state.cont();
    expect(state.status).toBe('running');
  });

  it('does not stop again what its listener let continue', async () => {
    const { log, state, vda } = machineOf({
      listen: (line, machine) => {
        if (line === 'STOP') machine.cont();
      },
    });
    submitting(vda.device, read());
    const stopping = watch(() => state.stop());
    await settle();
    expect(stopping.state).toBe('done');
    expect(log).toEqual(['STOP', 'RESUME', 'flush all']);
    expect(state.running).toBe(true);
    expect(vda.device.stopped).toBe(false);
    await vda.complete();
  });

  it('lets a job go on', async () => {
    const { state, vda } = machineOf();
    const job = new BlockEdge(vda.node, { name: 'mirror0', kind: 'job', stays: true });
    await state.stop();
    const copying = watch(() => job.read(0, new Uint8Array(512)));
    await vda.complete();
    expect(copying.state).toBe('done');
  });
});

describe('cont()', () => {
  it('tells RESUME, and then the devices go on', async () => {
    const calls: number[] = [];
    const { log, state, vda } = machineOf({
      listen: (line) => {
        if (line === 'RESUME') calls.push(vda.disk.calls.length);
      },
    });
    await state.stop();
    submitting(vda.device, read());
    state.cont();
    expect(log).toEqual(['STOP', 'flush all', 'RESUME']);
    expect(calls).toEqual([0]);
    expect(vda.disk.calls).toHaveLength(1);
    expect(state.status).toBe('running');
    await vda.complete();
  });

  it('is harmless in a machine that runs', () => {
    const { log, state } = machineOf();
    state.cont();
    expect(log).toEqual([]);
  });

  it('starts nothing when its listener stops the machine again', async () => {
    const { log, state, vda } = machineOf({
      listen: (line, machine) => {
        if (line === 'RESUME') void machine.stop();
      },
    });
    await state.stop();
    submitting(vda.device, read());
    state.cont();
    await settle();
    expect(log).toEqual(['STOP', 'flush all', 'RESUME', 'STOP', 'flush all']);
    expect(state.status).toBe('paused');
    expect(vda.disk.calls).toEqual([]);
  });
});

describe('an error that stops the machine', () => {
  it('is told of first, then the stop of all devices', async () => {
    const { log, state, vda, vdb } = machineOf();
    submitting(vda.device, read());
    await vda.fail();
    expect(log).toEqual(['vda BLOCK_IO_ERROR failed', 'STOP', 'flush all']);
    expect(state.status).toBe('io-error');
    submitting(vdb.device, read());
    expect(vdb.disk.calls).toEqual([]);
  });

  it('stops it once, however many devices and requests fail', async () => {
    const { log, state, vda, vdb } = machineOf();
    const answers = [vda, vdb].map(({ device }) => submitting(device, read(0), read(1)).statuses);
    vda.gate.next().fail(new BlockError('EIO', 'test', 'broken'));
    vdb.gate.next().fail(new BlockError('ENOSPC', 'test', 'full'));
    await settle();
    await vda.fail();
    await vdb.fail();
    expect(log.filter((line) => line === 'STOP')).toHaveLength(1);
    expect(log.filter((line) => line.includes('BLOCK_IO_ERROR'))).toHaveLength(4);
    expect([vda.device.ioStatus, vdb.device.ioStatus]).toEqual(['failed', 'nospace']);

    log.length = 0;
    state.cont();
    expect([vda.device.ioStatus, vdb.device.ioStatus]).toEqual(['ok', 'ok']);
    for (const { complete } of [vda, vda, vdb, vdb]) await complete();
    expect(log).toEqual(['RESUME']);
    expect(answers).toEqual([
      [STATUS.OK, STATUS.OK],
      [STATUS.OK, STATUS.OK],
    ]);
  });

  it('leaves the machine paused when it is', async () => {
    const { log, state, vda } = machineOf();
    submitting(vda.device, read());
    const stopping = watch(() => state.stop());
    await vda.fail();
    expect(stopping.state).toBe('done');
    expect(state.status).toBe('paused');
    expect(log).toEqual(['STOP', 'vda BLOCK_IO_ERROR failed', 'flush all']);
    state.cont();
    await vda.complete();
  });

  it('stays the reason when the user stops the machine as well', async () => {
    const { state, vda } = machineOf();
    submitting(vda.device, read());
    await vda.fail();
    await state.stop();
    expect(state.status).toBe('io-error');
  });

  it('in the first device to go on keeps the next from going on', async () => {
    const { log, state, vda, vdb } = machineOf();
    submitting(vda.device, read());
    await vda.fail();
    const { statuses } = submitting(vdb.device, write(0, pattern(512)));
    const { read: sound } = vda.disk;
    vda.disk.read = () => {
      throw new BlockError('EIO', 'test', 'broken');
    };
    log.length = 0;
    state.cont();
    await settle();
    expect(log).toEqual(['RESUME', 'vda BLOCK_IO_ERROR failed', 'STOP', 'flush all']);
    expect(vdb.disk.calls).toEqual([]);
    vda.disk.read = sound;
    state.cont();
    await vda.complete();
    await vdb.complete();
    expect(statuses).toEqual([STATUS.OK]);
  });

  it('answered at once with cont() does not stop it, but both are told of', async () => {
    const { log, state, vda, vdb } = machineOf({
      listen: (line, machine) => {
        if (line.includes('BLOCK_IO_ERROR')) machine.cont();
      },
    });
    submitting(vda.device, read());
    submitting(vdb.device, read());
    await vda.fail();
    expect(log).toEqual(['vda BLOCK_IO_ERROR failed', 'STOP', 'RESUME', 'flush all']);
    expect(state.running).toBe(true);
    expect([vda.device.stopped, vdb.device.stopped]).toEqual([false, false]);
    await vda.complete();
    await vdb.complete();
  });

  it('tells one STOP and one RESUME when the listener of both answers with cont()', async () => {
    const { log, state, vda } = machineOf({
      listen: (line, machine) => {
        if (line !== 'RESUME') machine.cont();
      },
    });
    submitting(vda.device, read());
    await vda.fail();
    expect(log).toEqual(['vda BLOCK_IO_ERROR failed', 'STOP', 'RESUME', 'flush all']);
    expect(state.running).toBe(true);
    await vda.complete();
  });

  it('is not followed by an unhandled rejection when the flush fails too', async () => {
    const { state, vda } = machineOf({
      flushAll: () => Promise.reject(new BlockError('EIO', 'flush', 'broken')),
    });
    submitting(vda.device, read());
    await vda.fail();
    expect(state.status).toBe('io-error');
  });
});

describe('a machine that does not run yet', () => {
  it('keeps what its guest asks until the first cont', async () => {
    const { log, state, vda } = machineOf({ autostart: false });
    expect(state.status).toBe('prelaunch');
    submitting(vda.device, read());
    expect(vda.disk.calls).toEqual([]);
    await state.stop();
    expect(state.status).toBe('prelaunch');
    state.cont();
    expect(log).toEqual(['flush all', 'RESUME']);
    expect(vda.disk.calls).toHaveLength(1);
    await vda.complete();
  });
});

describe('a device that is plugged in or out', () => {
  it('stands still when it comes to a stopped machine, and goes on with it', async () => {
    const { state, plug } = machineOf();
    await state.stop();
    const vdc = plug('vdc');
    submitting(vdc.device, read());
    expect(vdc.disk.calls).toEqual([]);
    state.cont();
    expect(vdc.disk.calls).toHaveLength(1);
    await vdc.complete();
  });

  it('may leave with what it kept, and the others go on without it', async () => {
    const { state, devices, vda, vdb } = machineOf();
    const { statuses } = submitting(vda.device, read());
    await vda.fail();
    await vda.device.close();
    devices.delete(vda.device);
    expect(statuses).toEqual([STATUS.IOERR]);
    state.cont();
    submitting(vdb.device, read());
    expect(vdb.disk.calls).toHaveLength(1);
    await vdb.complete();
  });
});

describe('shutdown()', () => {
  it('tells who ended the machine, not STOP, and waits as a stop does', async () => {
    const events: RunStateEvent[] = [];
    const rig = deviceRig();
    rig.gate.mode = 'held';
    let flushes = 0;
    const state = new RunState({
      devices: [rig.device],
      flushAll: async () => {
        flushes += 1;
      },
      onEvent: (event) => events.push(event),
    });
    submitting(rig.device, read());
    const ending = watch(() => state.shutdown('guest-shutdown'));
    await settle();
    expect(ending.state).toBe('pending');
    expect(flushes).toBe(0);
    rig.gate.next().complete();
    await settle();
    expect(ending.state).toBe('done');
    await state.shutdown('host-qmp-quit');
    expect(events).toEqual([
      { event: 'SHUTDOWN', data: { guest: true, reason: 'guest-shutdown' } },
    ]);
    expect(state.status).toBe('shutdown');
  });

  it('tells an end that the host brought about from one of the guest', async () => {
    const events: RunStateEvent[] = [];
    const state = new RunState({
      devices: [],
      flushAll: async () => {},
      onEvent: (event) => events.push(event),
    });
    await state.shutdown('host-qmp-quit');
    expect(events).toEqual([
      { event: 'SHUTDOWN', data: { guest: false, reason: 'host-qmp-quit' } },
    ]);
  });

  it('is the end: no cont after it', async () => {
    const { state, vda } = machineOf();
    await state.shutdown('host-signal');
    expect(() => state.cont()).toThrow('Resetting the Virtual Machine is required');
    expect(vda.device.stopped).toBe(true);
  });
});
