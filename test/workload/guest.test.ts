import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { seededRandom } from '../../src/base/random.ts';
import { BlockEdge } from '../../src/block/edge.ts';
import { type GuestRequest, STATUS } from '../../src/device/request.ts';
import { VirtioBlockDevice } from '../../src/device/virtio-blk.ts';
import { BACKLOG_MAX, type Guest, runGuest } from '../../src/workload/guest.ts';
import type { GuestOptions } from '../../src/workload/guest-options.ts';
import { nodeOf, TestDisk } from '../support/drivers.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { settle, watch } from '../support/settle.ts';

const size = 1024 * 1024;
const blockSize = 4096;

function rig({ queueSize = 64, disk = new TestDisk({ size }) } = {}) {
  const clock = new FakeClock();
  const edge = new BlockEdge(nodeOf(disk), { name: 'vda' });
  const device = new VirtioBlockDevice(edge, clock, { name: 'vda', queueSize });
  const run = (options: GuestOptions) => runGuest(device, clock, options);
  const read = (offset: number, into: Uint8Array) => {
    into.set(disk.bytes.subarray(offset, offset + into.length));
  };
  const verify = (guest: Guest) => guest.log.verify(read, clock);
  return { clock, disk, gate: disk.gate, device, run, verify };
}

/** Answers what is held, the oldest first, until the guest has finished. */
async function answerAll(guest: Guest, { gate }: { readonly gate: TestDisk['gate'] }) {
  const finished = watch(() => guest.finished);
  while (finished.state === 'pending') {
    if (gate.held.length > 0) gate.next().complete();
    await settle();
  }
}

describe('a closed loop', () => {
  it('keeps as many requests in flight as it is told', async () => {
    const { run, gate } = rig();
    gate.mode = 'held';
    const guest = run({ queueDepth: 8 });
    expect(gate.held).toHaveLength(8);
    for (let count = 0; count < 20; count += 1) {
      gate.next().complete();
      await settle();
      expect(gate.held).toHaveLength(8);
    }
    expect(guest.statistics()).toMatchObject({ writes: 20, inFlight: 8 });
  });

  it('works on a disk that answers at once, later, or when the test says so', async () => {
    for (const mode of ['sync', 'async', 'held'] as const) {
      const { run, gate, verify } = rig();
      gate.mode = mode;
      const guest = run({ readShare: 0.5, requests: 2000, pattern: 'zipf' });
      if (mode === 'held') await answerAll(guest, { gate });
      await guest.finished;
      const { reads, writes, errors, bytes, mismatches } = guest.statistics();
      expect(reads + writes).toBe(2000);
      expect(Math.abs(reads - 1000)).toBeLessThan(100);
      expect(bytes).toBe(2000 * blockSize);
      expect([errors, mismatches.count]).toEqual([0, 0]);
      const { blocks, mismatches: wrong } = await verify(guest);
      expect(blocks).toBeGreaterThan(50);
      expect(wrong.count).toBe(0);
    }
  });

  it('does the same again with the same seed', async () => {
    const contents = [];
    for (const seed of [5, 5, 6]) {
      const { run, disk } = rig();
      await run({ seed, requests: 300, readShare: 0.3 }).finished;
      contents.push(Buffer.from(disk.bytes));
    }
    expect(contents[0]?.equals(contents[1] ?? Buffer.alloc(0))).toBe(true);
    expect(contents[0]?.equals(contents[2] ?? Buffer.alloc(0))).toBe(false);
  });

  it('stays in its area', async () => {
    const { run, disk, verify } = rig();
    disk.bytes.fill(0xee);
    const area = { offset: 512, length: 9 * blockSize };
    const guest = run({ area, requests: 200 });
    await guest.finished;
    expect((await verify(guest)).blocks).toBe(9);
    expect(disk.bytes.subarray(0, 512).every((byte) => byte === 0xee)).toBe(true);
    const end = area.offset + area.length;
    expect(disk.bytes.subarray(end).every((byte) => byte === 0xee)).toBe(true);
  });

  it('goes through the area in order when it is sequential', async () => {
    const { run, disk } = rig();
    const area = { offset: 8192, length: 4 * blockSize };
    await run({ pattern: 'sequential', area, queueDepth: 1, requests: 6 }).finished;
    const offsets = disk.calls.map(({ offset }) => (offset - 8192) / blockSize);
    expect(offsets).toEqual([0, 1, 2, 3, 0, 1]);
  });

  it('lets the event loop turn on a disk that answers at once', async () => {
    const { run, clock } = rig();
    const guest = run({});
    const { writes } = guest.statistics();
    expect(writes).toBeGreaterThan(100);
    expect(clock.turns).toBeGreaterThan(0);
    await settle();
    expect(guest.statistics().writes).toBeGreaterThan(writes);
    await guest.stop();
  });
});

describe('writes', () => {
  it('never overlap, even in an area as small as the queue is deep', async () => {
    const { run, gate } = rig();
    gate.mode = 'held';
    for (const pattern of ['zipf', 'random', 'sequential'] as const) {
      const area = { offset: 0, length: 8 * blockSize };
      const guest = run({ pattern, area, queueDepth: 8, requests: 200 });
      const finished = watch(() => guest.finished);
      for (let turn = 0; finished.state === 'pending'; turn += 1) {
        const offsets = gate.held.map(({ offset }) => offset);
        expect(new Set(offsets).size).toBe(offsets.length);
        gate.held[(turn * 7) % gate.held.length]?.complete();
        await settle();
      }
      expect(guest.statistics()).toMatchObject({ writes: 200, errors: 0 });
    }
  });

  it('that fail leave the block uncertain, and the guest goes on', async () => {
    const { run, gate, verify } = rig();
    gate.mode = 'held';
    const guest = run({ queueDepth: 1, requests: 3, pattern: 'sequential' });
    gate.next().complete();
    await settle();
    gate.next().takeEffect();
    gate.next().fail(new BlockError('EIO', 'write', 'broken'));
    await settle();
    gate.next().fail(new BlockError('EIO', 'write', 'broken'));
    await guest.finished;
    expect(guest.statistics()).toMatchObject({ writes: 1, errors: 2 });
    expect(await verify(guest)).toMatchObject({
      blocks: 1,
      undefinedBlocks: 2,
      mismatches: { count: 0 },
    });
  });
});

describe('reads', () => {
  it('notice a block that is not as the guest left it', async () => {
    const { run, gate, disk } = rig();
    gate.mode = 'held';
    const area = { offset: 0, length: blockSize };
    const guest = run({ area, queueDepth: 1, readShare: 0.5, seed: 2 });
    const finish = async (operation: 'read' | 'write') => {
      while (gate.next().operation !== operation) {
        gate.next().complete();
        await settle();
      }
    };
    await finish('write');
    gate.next().complete();
    await settle();
    await finish('read');
    disk.bytes.fill(0);
    gate.next().complete();
    await settle();
    expect(guest.statistics().mismatches.kinds.lost).toBe(1);
    expect(guest.statistics().mismatches.count).toBe(1);
  });

  it('notice a disk that fell back to an earlier state', async () => {
    const { run, disk } = rig();
    const guest = run({ area: { offset: 0, length: 64 * blockSize }, readShare: 0.9 });
    const earlier = Uint8Array.from(disk.bytes);
    await settle();
    const fellBack = guest.statistics();
    disk.bytes.set(earlier);
    await settle();
    await guest.stop();
    expect(fellBack.mismatches.count).toBe(0);
    const { count, kinds } = guest.statistics().mismatches;
    expect(kinds.stale).toBeGreaterThan(0);
    // What had not been written at that time is not there at all.
    expect(kinds.stale + kinds.lost).toBe(count);
  });

  it('allow what the order of effects and answers allows', async () => {
    const { run, gate, verify } = rig();
    const random = seededRandom(11);
    gate.mode = 'held';
    const area = { offset: 0, length: 4 * blockSize };
    const guest = run({ area, queueDepth: 4, readShare: 0.5, requests: 3000, seed: 4 });
    const finished = watch(() => guest.finished);
    while (finished.state === 'pending') {
      const request = gate.held[random.below(gate.held.length)];
      if (random.fraction() < 0.5) request?.takeEffect();
      else request?.complete();
      await settle();
    }
    expect(guest.statistics()).toMatchObject({ errors: 0, mismatches: { count: 0 } });
    expect((await verify(guest)).mismatches.count).toBe(0);
  });

  it('do not mind what the disk held before', async () => {
    const { run, disk } = rig();
    disk.bytes.fill(0x55);
    const guest = run({ readShare: 1, requests: 100 });
    await guest.finished;
    expect(guest.statistics()).toMatchObject({ reads: 100, writes: 0, mismatches: { count: 0 } });
  });
});

describe('an open loop', () => {
  it('issues at its rate', async () => {
    const { run, clock } = rig();
    const guest = run({ requestsPerSecond: 200 });
    await clock.advance(999);
    expect(guest.statistics().writes).toBe(200);
    await clock.advance(500);
    expect(guest.statistics().writes).toBe(300);
    expect(guest.statistics().late).toBe(0);
    await guest.stop();
  });

  it('has one timer at most, and none after it has stopped', async () => {
    const { run, clock } = rig();
    const guest = run({ requestsPerSecond: 5000, seconds: 100 });
    for (let ms = 0; ms < 20; ms += 1) {
      await clock.advance(1);
      expect(clock.timers).toBe(2);
    }
    await guest.stop();
    expect(clock.timers).toBe(0);
  });

  it('measures from when a request was meant to start, not from when it did', async () => {
    const { run, clock, gate } = rig();
    gate.mode = 'held';
    const guest = run({ requestsPerSecond: 100, queueDepth: 1, requests: 11 });
    // The disk stalls for 100 ms; the ten requests that were due meanwhile all felt it.
    await clock.advance(100);
    expect(guest.statistics()).toMatchObject({ inFlight: 1, backlog: 10, late: 0 });
    gate.mode = 'sync';
    gate.next().complete();
    await guest.finished;
    const { latency, late, backlog } = guest.statistics();
    expect(latency).toMatchObject({ count: 11, maxMs: 100, minMs: 0, meanMs: 50 });
    expect([late, backlog]).toEqual([9, 0]);
  });

  it('does not count its own timer’s lag of a millisecond as late', async () => {
    const { run, clock } = rig();
    const guest = run({ requestsPerSecond: 10, requests: 2 });
    await settle();
    clock.pass(101.5);
    await clock.advance(0);
    await guest.finished;
    expect(guest.statistics()).toMatchObject({ writes: 2, late: 0 });
  });

  it('gives up the oldest when too many are due, and says how many', async () => {
    const { run, clock } = rig();
    const guest = run({ requestsPerSecond: 1000, requests: 3 });
    clock.pass(2 * BACKLOG_MAX);
    await clock.advance(0);
    await guest.finished;
    expect(guest.statistics().skipped).toBe(BACKLOG_MAX);
    expect(guest.statistics().writes).toBe(3);
  });
});

describe('limits', () => {
  it('stop it after so many requests or bytes', async () => {
    const { run } = rig();
    const requests = run({ requests: 77 });
    await requests.finished;
    expect(requests.statistics().writes).toBe(77);
    const bytes = run({ bytes: 10 * blockSize });
    await bytes.finished;
    expect(bytes.statistics()).toMatchObject({ writes: 10, bytes: 10 * blockSize });
  });

  it('stop it after so many seconds, even while the disk does not answer', async () => {
    const { run, clock, gate } = rig();
    gate.mode = 'held';
    const guest = run({ seconds: 2, queueDepth: 1 });
    const finished = watch(() => guest.finished);
    await clock.advance(1999);
    gate.next().complete();
    await settle();
    expect(gate.held).toHaveLength(1);
    await clock.advance(1);
    gate.next().complete();
    await settle();
    expect(gate.held).toHaveLength(0);
    expect(finished.state).toBe('done');
  });

  it('of nothing end it at once', async () => {
    const { run, disk } = rig();
    await run({ requests: 0 }).finished;
    expect(disk.calls).toEqual([]);
  });
});

describe('stop()', () => {
  it('waits for what is in flight and issues nothing more', async () => {
    const { run, gate, disk } = rig();
    gate.mode = 'held';
    const guest = run({ queueDepth: 3 });
    const stopped = watch(() => guest.stop());
    for (let left = 3; left > 0; left -= 1) {
      expect(stopped.state).toBe('pending');
      gate.next().complete();
      await settle();
    }
    expect(stopped.state).toBe('done');
    expect(disk.calls).toHaveLength(3);
  });

  it('stops once, however often it is called', async () => {
    const { run } = rig();
    const guest = run({});
    await Promise.all([guest.stop(), guest.stop()]);
    await guest.stop();
    await guest.finished;
  });

  it('stands still from then on', async () => {
    const { run, clock } = rig();
    const guest = run({ requestsPerSecond: 100 });
    await clock.advance(50);
    await guest.stop();
    const { elapsedMs, writes } = guest.statistics();
    await clock.advance(1000);
    expect(guest.statistics()).toMatchObject({ elapsedMs, writes, backlog: 0, inFlight: 0 });
  });
});

describe('the device', () => {
  it('may be full of others: the guest stands in line', async () => {
    const { run, gate, device } = rig({ queueSize: 2 });
    gate.mode = 'held';
    const other = device.request({ type: 'flush' });
    const guest = run({ queueDepth: 2, requests: 4 });
    expect(gate.held).toHaveLength(2);
    expect(guest.statistics().inFlight).toBe(2);
    gate.next('flush').complete();
    expect(await other).toBe(STATUS.OK);
    await answerAll(guest, { gate });
    expect(guest.statistics()).toMatchObject({ writes: 4, errors: 0 });
  });

  it('ends the guest when it closes', async () => {
    const { run, device } = rig();
    const guest = run({});
    await settle();
    await device.close();
    await guest.finished;
    expect(guest.statistics().mismatches.count).toBe(0);
  });

  it('ends a guest that stands in line when it closes', async () => {
    const { run, gate, device } = rig({ queueSize: 1 });
    gate.mode = 'held';
    const other = device.request({ type: 'flush' });
    const guest = run({ queueDepth: 1 });
    const closed = device.close();
    gate.next('flush').complete();
    await Promise.all([other, closed, guest.finished]);
    expect(guest.statistics()).toMatchObject({ writes: 0, errors: 1 });
  });

  it('that has no room even to stand in line rejects the guest', async () => {
    const { run, gate, device } = rig({ queueSize: 1 });
    gate.mode = 'held';
    const flush: GuestRequest = { type: 'flush' };
    const others = Array.from({ length: 1025 }, () => device.request(flush));
    const guest = run({});
    await expect(guest.finished).rejects.toThrow(RangeError);
    gate.mode = 'sync';
    gate.next().complete();
    await Promise.all(others);
  });
});

describe('rates', () => {
  it('are those of the last second and of the whole run', async () => {
    const { run, clock } = rig();
    const guest = run({ requestsPerSecond: 1000 });
    await clock.advance(4000);
    expect(guest.statistics().requestsPerSecond).toBe(1000);
    expect(Math.round(guest.statistics().requestsPerSecondMean)).toBe(1000);
    await guest.stop();
  });
});
