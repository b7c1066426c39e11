import { describe, expect, it } from 'vitest';
import { BlockError, type BlockErrorCode } from '../../src/base/errors.ts';
import type { NodeOptions } from '../../src/block/options.ts';
import type { VirtioBlockOptions } from '../../src/device/options.ts';
import { type GuestRequest, STATUS } from '../../src/device/request.ts';
import { deviceRig, read, write } from '../support/device-rig.ts';
import { pattern } from '../support/drivers.ts';
import { settle } from '../support/settle.ts';

const segments = [{ sector: 3, sectors: 1, unmap: false }];
const WRITES: readonly GuestRequest[] = [
  write(3, pattern(512)),
  { type: 'flush' },
  { type: 'discard', segments },
  { type: 'writeZeroes', segments },
];
const REQUESTS: readonly GuestRequest[] = [read(3), ...WRITES];
const error = (code: BlockErrorCode) => new BlockError(code, 'test', 'broken');

/** A device whose disk waits for the test, and what it told whom, in order. */
function rigWithLog(options: Partial<VirtioBlockOptions>, node: Partial<NodeOptions> = {}) {
  const log: string[] = [];
  const rig = deviceRig(
    {
      onEvent: ({ event, data }) => {
        if (event !== 'BLOCK_IO_ERROR') return;
        log.push(`${event} ${data.operation} ${data.action} ${rig.device.ioStatus}`);
      },
      onStop: (reason) => log.push(`stop ${reason}`),
      onError: ({ code }) => log.push(`why ${code}`),
      ...options,
    },
    { unmap: true, ...node },
  );
  rig.gate.mode = 'held';
  const submit = (request: GuestRequest, label: string = request.type) =>
    rig.device.submit(request, (status) => log.push(`${label} ${status}`));
  const fail = async (code: BlockErrorCode) => {
    rig.gate.next().fail(error(code));
    await settle();
  };
  const complete = async () => {
    rig.gate.next().complete();
    await settle();
  };
  return { ...rig, log, submit, fail, complete };
}

describe('a request that fails', () => {
  for (const request of REQUESTS) {
    const { type } = request;
    const operation = type === 'in' ? 'read' : 'write';
    const [own, other] =
      type === 'in' ? (['rerror', 'werror'] as const) : (['werror', 'rerror'] as const);

    it(`(${type}) fails for the guest with report`, async () => {
      const { device, log, submit, fail, disk } = rigWithLog({ [own]: 'report', [other]: 'stop' });
      submit(request);
      await fail('ENOSPC');
      expect(log).toEqual([
        `BLOCK_IO_ERROR ${operation} report ok`,
        'why ENOSPC',
        `${type} ${STATUS.IOERR}`,
      ]);
      expect(device.statistics().operations[type]).toMatchObject({ requests: 0, failed: 1 });
      expect(disk.calls).toHaveLength(1);
      expect(device.stopped).toBe(false);
    });

    it(`(${type}) is done for the guest with ignore`, async () => {
      const { device, log, submit, fail, disk } = rigWithLog({ [own]: 'ignore', [other]: 'stop' });
      submit(request);
      await fail('EIO');
      expect(log).toEqual([`BLOCK_IO_ERROR ${operation} ignore ok`, `${type} ${STATUS.OK}`]);
      expect(device.statistics().operations[type]).toMatchObject({ requests: 1, failed: 0 });
      expect(disk.calls).toHaveLength(1);
    });

    it(`(${type}) stops the machine with stop, and is carried out again`, async () => {
      const { device, log, submit, fail, complete, disk } = rigWithLog({
        [own]: 'stop',
        [other]: 'report',
      });
      submit(request);
      await fail('EIO');
      expect(log).toEqual([`BLOCK_IO_ERROR ${operation} stop failed`, 'stop io-error']);
      expect(device.stopped).toBe(true);
      expect(device.ioStatus).toBe('failed');
      expect(device.queueDepth).toBe(1);
      device.cont();
      expect(device.ioStatus).toBe('ok');
      await complete();
      expect(log.slice(2)).toEqual([`${type} ${STATUS.OK}`]);
      expect(disk.calls).toHaveLength(2);
      expect(disk.calls[1]).toEqual(disk.calls[0]);
      expect(device.statistics().operations[type]).toMatchObject({ requests: 1, failed: 0 });
      expect(device.queueDepth).toBe(0);
    });

    it(`(${type}) stops the machine with enospc when the disk is full, and only then`, async () => {
      const { device, log, submit, fail, complete } = rigWithLog({ [own]: 'enospc' });
      submit(request);
      await fail('EIO');
      expect(log).toContain(`${type} ${STATUS.IOERR}`);
      log.length = 0;
      submit(request);
      await fail('ENOSPC');
      expect(log).toEqual([`BLOCK_IO_ERROR ${operation} stop nospace`, 'stop io-error']);
      device.cont();
      await complete();
      expect(log[2]).toBe(`${type} ${STATUS.OK}`);
    });
  }

  it('is treated alike whether the disk throws or rejects', () => {
    const { device, disk, log, submit, gate } = rigWithLog({ rerror: 'stop' });
    const { read: sound } = disk;
    disk.read = () => {
      throw error('EIO');
    };
    submit(read(3));
    expect(log).toEqual(['BLOCK_IO_ERROR read stop failed', 'stop io-error']);
    disk.read = sound;
    gate.mode = 'sync';
    device.cont();
    expect(log[2]).toBe(`in ${STATUS.OK}`);
  });

  it('stops nothing when the device refused it without asking the disk', () => {
    const { device, log, submit } = rigWithLog({ rerror: 'stop', werror: 'stop' });
    submit(read(1 << 30));
    expect(log).toEqual([`in ${STATUS.IOERR}`]);
    expect(device.stopped).toBe(false);
  });

  it('takes from the guest’s view as long as all attempts and the stop between them', async () => {
    const { device, submit, fail, complete, clock } = rigWithLog({ rerror: 'stop' });
    submit(read());
    clock.pass(5);
    await fail('EIO');
    clock.pass(100);
    device.cont();
    clock.pass(7);
    await complete();
    expect(device.statistics().operations.in.latency).toMatchObject({ count: 1, maxMs: 112 });
  });
});

describe('a machine that an error has stopped', () => {
  it('tries again in the order of submission, before what came after, and only then', async () => {
    const { device, log, submit, gate, disk, complete } = rigWithLog({ rerror: 'stop' });
    for (const sector of [0, 1, 2, 3]) submit(read(sector), `r${sector}`);
    for (const index of [3, 0, 1]) {
      gate.held[index]?.fail(error('EIO'));
      await settle();
    }
    for (const sector of [4, 5]) submit(read(sector), `r${sector}`);
    await settle();
    expect(gate.held.map(({ offset }) => offset / 512)).toEqual([1]);
    // What was in flight ends.
    await complete();
    expect(log.at(-1)).toBe(`r1 ${STATUS.OK}`);
    expect(disk.calls).toHaveLength(4);

    device.cont();
    expect(gate.held.map(({ offset }) => offset / 512)).toEqual([0, 2, 3, 4, 5]);
    gate.mode = 'sync';
    while (gate.held.length > 0) await complete();
    expect(log.filter((line) => line.startsWith('r'))).toEqual(
      [1, 0, 2, 3, 4, 5].map((sector) => `r${sector} ${STATUS.OK}`),
    );
    expect(device.queueDepth).toBe(0);
  });

  it('does not start, of a disk that fails at once, what is behind the failure', () => {
    const { device, disk, log, gate } = rigWithLog({ rerror: 'stop' });
    gate.mode = 'sync';
    const { read: sound } = disk;
    disk.read = (offset, into) => {
      if (offset === 512) throw error('EIO');
      return sound.call(disk, offset, into);
    };
    // The two others are in the queue when the second fails.
    device.submit(read(0), () => {
      for (const sector of [1, 2, 3]) {
        device.submit(read(sector), (status) => log.push(`r${sector} ${status}`));
      }
    });
    expect(disk.calls.map(({ offset }) => offset)).toEqual([0]);
    disk.read = sound;
    device.cont();
    expect(log.slice(2)).toEqual([1, 2, 3].map((sector) => `r${sector} ${STATUS.OK}`));
  });

  it('stops again when the request fails again, and loses nothing', async () => {
    const { device, log, submit, fail, complete, gate } = rigWithLog({ werror: 'enospc' });
    submit(write(0, pattern(512)), 'w0');
    submit(write(1, pattern(512)), 'w1');
    await fail('ENOSPC');
    await fail('ENOSPC');
    submit(write(2, pattern(512)), 'w2');
    for (let attempt = 0; attempt < 3; attempt += 1) {
      log.length = 0;
      device.cont();
      expect(gate.held.map(({ offset }) => offset / 512)).toEqual([0, 1, 2]);
      for (let count = 0; count < 3; count += 1) await fail('ENOSPC');
      expect(device.stopped).toBe(true);
      expect(log.filter((line) => line === 'stop io-error')).toHaveLength(3);
    }
    device.cont();
    log.length = 0;
    for (let count = 0; count < 3; count += 1) await complete();
    expect(log).toEqual(['w0', 'w1', 'w2'].map((label) => `${label} ${STATUS.OK}`));
  });

  it('bounds what waits by the queue, kept requests included', async () => {
    const { device, submit, fail, gate } = rigWithLog({ rerror: 'stop', queueSize: 2 });
    submit(read(0));
    await fail('EIO');
    expect([submit(read(1)), submit(read(2))]).toEqual([true, false]);
    const waiting = device.request(read(3));
    gate.mode = 'sync';
    device.cont();
    expect(await waiting).toBe(STATUS.OK);
  });

  it('is continued by who is told of the error, without a stop', async () => {
    const { device, log, submit, complete, fail } = rigWithLog({
      rerror: 'stop',
      onEvent: () => device.cont(),
    });
    submit(read());
    await fail('EIO');
    expect(log).toEqual([]);
    await complete();
    expect(log).toEqual([`in ${STATUS.OK}`]);
  });

  it('neither grows the stack nor shuts others out when it is continued for ever', async () => {
    let attempts = 0;
    const { device, disk, clock } = deviceRig({
      rerror: 'stop',
      onEvent: () => device.cont(),
    });
    disk.read = () => {
      attempts += 1;
      throw error('EIO');
    };
    device.submit(read(), () => {});
    expect(attempts).toBeLessThan(10_000);
    for (let count = 0; count < 5; count += 1) await settle();
    expect(attempts).toBeGreaterThan(5000);
    expect(clock.turns).toBeGreaterThan(1);
    void device.close();
    for (let count = 0; count < 5; count += 1) await settle();
    expect(device.queueDepth).toBe(0);
  });

  it('names the node that the device stands on now', async () => {
    const names: string[] = [];
    const { submit, fail } = rigWithLog(
      {
        onEvent: ({ event, data }) => {
          if (event === 'BLOCK_IO_ERROR') names.push(data['node-name']);
        },
      },
      { name: 'disk7' },
    );
    submit(read());
    await fail('EIO');
    expect(names).toEqual(['disk7']);
  });
});
