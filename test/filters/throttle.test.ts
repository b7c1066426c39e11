import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { drained } from '../../src/block/drain.ts';
import type { BlockDriver, DriverDefinition } from '../../src/block/driver.ts';
import { BlockEdge } from '../../src/block/edge.ts';
import { BlockGraph } from '../../src/block/graph.ts';
import { drivers } from '../../src/drivers/index.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { filters, filtersOf } from '../../src/filters/index.ts';
import { type ThrottleDriver, throttle, throttleOf } from '../../src/filters/throttle.ts';
import { ThrottleGroups } from '../../src/filters/throttle-groups.ts';
import { driverContract } from '../contract/driver-contract.ts';
import { TestDisk } from '../support/drivers.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { settle, watch } from '../support/settle.ts';

const KiB = 1024;
const SIZE = 64 * KiB;
const PLAIN = { forceUnitAccess: false };

driverContract({
  name: 'throttle without limits',
  options: (size) => ({ driver: 'throttle', limits: {}, file: { driver: 'memory', size } }),
});

driverContract({
  name: 'throttle with limits that nothing here reaches',
  options: (size) => ({
    driver: 'throttle',
    limits: { 'iops-total': 1e12, 'bps-read': 1e15, 'bps-write': 1e15 },
    file: { driver: 'memory', size },
  }),
});

interface Opened {
  readonly driver: ThrottleDriver;
  readonly disk: TestDisk;
  readonly edge: BlockEdge;
}

function rig() {
  const groups = new ThrottleGroups();
  const clock = new FakeClock();
  const env = { ...nodeEnv(), clock, random: seededRandom(1) };
  const disks = new Map<string, TestDisk>();
  const opened = new Map<string, BlockDriver>();
  const definition = throttle(groups);
  const watched: DriverDefinition = {
    ...definition,
    async open(options, context) {
      const driver = await definition.open(options, context);
      opened.set(context.name, driver);
      return driver;
    },
  };
  const test: DriverDefinition = {
    summary: 'a test disk',
    options: () => ({}),
    async open(_options, { name }) {
      const disk = new TestDisk({ size: SIZE });
      disks.set(name, disk);
      return disk;
    },
  };
  const graph = new BlockGraph(env, { throttle: watched, test });
  const open = async (name: string, options: object): Promise<Opened> => {
    const file = { driver: 'test', 'node-name': `${name}-disk` };
    const node = await graph.open({
      driver: 'throttle',
      'node-name': name,
      discard: 'unmap',
      file,
      ...options,
    });
    const disk = disks.get(`${name}-disk`);
    if (!disk) throw new Error('the disk is not open');
    const edge = new BlockEdge(node, { name: 'guest' });
    return { driver: opened.get(name) as ThrottleDriver, disk, edge };
  };
  return { groups, clock, graph, open };
}

describe('reopening a throttle filter', () => {
  const reopened = (group: string) => ({
    driver: 'throttle',
    'node-name': 'a',
    file: 'a-disk',
    'throttle-group': group,
  });

  it('joins another group, whose limits hold from then on', async () => {
    const { groups, graph, clock, open } = rig();
    groups.create('fast');
    groups.create('slow', { 'iops-total': 1 });
    const { driver, edge } = await open('a', { 'throttle-group': 'fast' });
    await expect(graph.reopen([reopened('none')])).rejects.toThrow("'none' does not exist");
    await graph.reopen([reopened('slow')]);
    expect([groups.find('fast').size, groups.find('slow').size]).toEqual([0, 1]);
    expect(driver.group).toBe(groups.find('slow'));
    await edge.write(0, new Uint8Array(512));
    const second = watch(() => edge.write(0, new Uint8Array(512)));
    await settle();
    expect(second.state).toBe('pending');
    await clock.advance(1000);
    expect(second.state).toBe('done');
  });

  it('is let go in a drain that began before', async () => {
    const { groups, graph, open } = rig();
    groups.create('fast');
    groups.create('slow', { 'iops-total': 1 });
    const { driver } = await open('a', { 'throttle-group': 'fast' });
    await drained(graph.find('a'), async () => {
      await graph.reopen([reopened('slow')]);
      for (let times = 0; times < 3; times += 1) await driver.write(0, new Uint8Array(512), PLAIN);
    });
    const later = watch(() => driver.write(0, new Uint8Array(512), PLAIN));
    await settle();
    expect(later.state).toBe('pending');
    driver.cancelInFlight?.();
  });
});

describe('throttle filter', () => {
  it('throttles what moves or frees bytes, and neither flushes nor queries', async () => {
    const { clock, open } = rig();
    const { driver, disk } = await open('a', { limits: { 'iops-total': 10 } });
    for (let times = 0; times < 2; times += 1) await driver.write(0, new Uint8Array(512), PLAIN);
    const zeroes = { ...PLAIN, mayUnmap: true, noFallback: false };
    const requests = [
      watch(() => driver.read(0, new Uint8Array(512))),
      watch(() => driver.write(0, new Uint8Array(512), PLAIN)),
      watch(() => driver.writeZeroes(0, 512, zeroes)),
      watch(() => driver.discard(0, 512)),
    ];
    expect(driver.flush()).toBeUndefined();
    expect(driver.blockStatus(0, 512)).toMatchObject({ length: 512 });
    await settle();
    expect(disk.operations).toEqual(['write', 'write', 'flush', 'blockStatus']);
    expect(requests.map(({ state }) => state)).toEqual(new Array(4).fill('pending'));
    await clock.advance(1000);
    expect(requests.map(({ state }) => state)).toEqual(new Array(4).fill('done'));
    expect(disk.operations.slice(4).sort()).toEqual(['discard', 'read', 'write', 'writeZeroes']);
  });

  it('moves bytes at the rate, within 1 % over any second', async () => {
    const { clock, open } = rig();
    const rate = 1_000_000;
    const { edge, disk } = await open('a', { limits: { 'bps-write': rate } });
    let isOver = false;
    const guest = watch(async () => {
      while (!isOver) await edge.write(0, new Uint8Array(4096));
    });
    await clock.advance(1000);
    for (let second = 0; second < 4; second += 1) {
      const before = disk.calls.length;
      await clock.advance(1000);
      const moved = (disk.calls.length - before) * 4096;
      expect(Math.abs(moved - rate) / rate).toBeLessThan(0.01);
    }
    isOver = true;
    await clock.advance(1000);
    expect(guest.state).toBe('done');
  });

  it('shares the limits of a group between its disks, and those of no other', async () => {
    const { clock, groups, open } = rig();
    groups.create('tg0', { 'iops-total': 100 });
    const [a, b, c] = [
      await open('a', { 'throttle-group': 'tg0' }),
      await open('b', { 'throttle-group': 'tg0' }),
      await open('c', { limits: { 'iops-total': 100 } }),
    ];
    const many = ({ driver }: Opened) =>
      Array.from({ length: 1000 }, () => watch(() => driver.read(0, new Uint8Array(1))));
    for (const opened of [a, b, c]) many(opened);
    await clock.advance(1000);
    const counts = [a, b, c].map(({ disk }) => disk.calls.length);
    await clock.advance(2000);
    const [one = 0, other = 0, alone = 0] = [a, b, c].map(
      ({ disk }, index) => disk.calls.length - (counts[index] ?? 0),
    );
    expect(Math.abs(one + other - 200)).toBeLessThanOrEqual(2);
    expect(Math.abs(one - other)).toBeLessThanOrEqual(1);
    expect(Math.abs(alone - 200)).toBeLessThanOrEqual(2);
    a.driver.group.setLimits({ 'iops-total': 0 });
    c.driver.group.setLimits({ 'iops-total': 0 });
    await settle();
    expect([a, b, c].map(({ disk }) => disk.calls.length)).toEqual([1000, 1000, 1000]);
    expect(clock.timers).toBe(0);
  });

  it('fails with ECANCELED what waits when requests in flight are cancelled', async () => {
    const { clock, graph, open } = rig();
    const { edge, disk } = await open('a', { limits: { 'iops-total': 1 } });
    const requests = Array.from({ length: 5 }, () =>
      watch(() => edge.write(0, new Uint8Array(512))),
    );
    await settle();
    edge.node.cancelInFlight();
    await settle();
    const [first, ...rest] = requests;
    expect(first?.state).toBe('done');
    // One more has gone, for the bucket was empty and takes one too many.
    const failed = rest.filter(({ state }) => state === 'failed');
    expect(failed).toHaveLength(5 - disk.calls.length);
    for (const request of failed) expect(request.error).toMatchObject({ code: 'ECANCELED' });
    expect(clock.timers).toBe(0);
    expect(edge.node.inFlight).toBe(0);
    edge.close();
    await graph.closeAll();
  });

  it('leaves its group when it closes, and no timer or waiting request behind', async () => {
    const { clock, graph, groups, open } = rig();
    const group = groups.create('tg0', { 'iops-total': 1 });
    const { driver, edge } = await open('a', { 'throttle-group': 'tg0' });
    const requests = Array.from({ length: 3 }, () =>
      watch(() => driver.read(0, new Uint8Array(1))),
    );
    expect(clock.timers).toBe(1);
    edge.close();
    await graph.closeAll();
    await settle();
    expect(requests[2]).toMatchObject({ state: 'failed', error: { code: 'ECANCELED' } });
    expect(clock.timers).toBe(0);
    expect(group.size).toBe(0);
    groups.remove('tg0');
  });

  it('lets everything go while it is drained', async () => {
    const { clock, open } = rig();
    const { driver, disk } = await open('a', { limits: { 'bps-total': 1 } });
    const requests = Array.from({ length: 50 }, () =>
      watch(() => driver.read(0, new Uint8Array(512))),
    );
    await settle();
    expect(disk.calls).toHaveLength(1);
    driver.beginDrain();
    await settle();
    expect(requests.every(({ state }) => state === 'done')).toBe(true);
    expect(driver.read(0, new Uint8Array(1))).toBeUndefined();
    expect(clock.timers).toBe(0);
    driver.endDrain();
    expect(watch(() => driver.read(0, new Uint8Array(1))).state).toBe('pending');
    driver.cancelInFlight?.();
  });

  it('is found by its node, and takes the groups of its machine', async () => {
    const groups = new ThrottleGroups();
    const group = groups.create('tg0');
    const options = {
      driver: 'throttle',
      'throttle-group': 'tg0',
      file: { driver: 'memory', size: SIZE },
    };
    const graph = new BlockGraph(nodeEnv(), { ...drivers, ...filtersOf(groups) });
    const node = await graph.open(options);
    expect(throttleOf(node)?.group).toBe(group);
    expect(group.size).toBe(1);
    await graph.closeAll();
    expect(group.size).toBe(0);
    const other = new BlockGraph(nodeEnv(), { ...drivers, ...filters });
    await expect(other.open(options)).rejects.toThrow(/'tg0' does not exist$/);
  });

  it('wants a group that is there, or limits of its own, and not both', async () => {
    const { groups, graph, open } = rig();
    groups.create('tg0');
    const refusal = (options: object) => open('x', options).catch((error: Error) => error.message);
    expect(await refusal({})).toMatch(/Parameter 'throttle-group' is missing$/);
    expect(await refusal({ 'throttle-group': 'tg1' })).toMatch(
      /Throttle group 'tg1' does not exist$/,
    );
    const both = { 'throttle-group': 'tg0', limits: { 'iops-total': 1 } };
    expect(await refusal(both)).toMatch(/cannot be used at the same time$/);
    expect(await refusal({ limits: { 'iops-total-max': 1 } })).toMatch(/require corresponding/);
    expect(await refusal({ limits: { iops: 1 } })).toMatch(/'limits.iops' is unexpected$/);
    expect(graph.nodes).toEqual([]);
    expect(groups.find('tg0').size).toBe(0);
  });
});
