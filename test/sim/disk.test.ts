import { describe, expect, it } from 'vitest';
import { initialStamp, stampAt, TORN_STAMP } from '../../src/sim/content.ts';
import { originOf, SimDisk } from '../../src/sim/disk.ts';
import type { DiskShape } from '../../src/sim/scenario.ts';
import { Turnstile } from '../../src/sim/turnstile.ts';
import { settle, watch } from '../support/settle.ts';

const NOTED = { forceUnitAccess: false };

function rig(shape: Partial<DiskShape> = {}, size = 1024) {
  const told: string[] = [];
  const turnstile = new Turnstile({
    arrived: ({ label }) => told.push(`arrived ${label}`),
    tookEffect: ({ label }) => told.push(`effect ${label}`),
    answered: ({ label, error }) => told.push(`${error?.code ?? 'answered'} ${label}`),
  });
  const whole = { stages: 2, ...shape } as const;
  const disk = new SimDisk({ name: 'source', size, shape: whole, turnstile, keepsDurable: true });
  const held = () => {
    const [first] = turnstile.held;
    if (!first) throw new Error('nothing is held');
    return first;
  };
  return { disk, turnstile, told, held };
}

function sector(value: number): Uint8Array {
  return new Uint8Array(512).fill(value);
}

describe('a simulated disk', () => {
  it('holds a request before its effect, and before its answer', async () => {
    const { disk, held, told } = rig();
    const write = watch(() => disk.write(0, sector(7), NOTED));
    await settle();
    expect(stampAt(disk.bytes, 0)).toBe(initialStamp('source', 0));
    held().takeEffect();
    await settle();
    expect([disk.bytes[0], write.state]).toEqual([7, 'pending']);
    held().answer();
    await settle();
    expect(write.state).toBe('done');
    const label = 'source write 0+512 (other)';
    expect(told).toEqual([`arrived ${label}`, `effect ${label}`, `answered ${label}`]);
  });

  it('reads what there is at the effect, and hands it over at the answer', async () => {
    const { disk, held } = rig();
    const into = new Uint8Array(512);
    const read = watch(() => disk.read(0, into));
    held().takeEffect();
    disk.bytes.fill(9);
    expect(stampAt(into, 0)).toBe(0);
    held().answer();
    await settle();
    expect([stampAt(into, 0), read.state]).toEqual([initialStamp('source', 0), 'done']);
  });

  it.each([
    ['nothing', [initialStamp('source', 0), initialStamp('source', 1)]],
    ['half', [0x07070707, initialStamp('source', 1)]],
    ['all', [0x07070707, 0x07070707]],
  ] as const)('fails a request having done %s of it', async (applied, stamps) => {
    const { disk, held } = rig();
    const write = watch(() => disk.write(0, new Uint8Array(1024).fill(7), NOTED));
    held().fail('EIO', applied);
    await settle();
    expect(write).toMatchObject({ state: 'failed', error: { code: 'EIO' } });
    expect([stampAt(disk.bytes, 0), stampAt(disk.bytes, 512)]).toEqual(stamps);
  });

  it('makes durable by a flush what was answered before, and no more', () => {
    const { disk, turnstile } = rig();
    void disk.write(0, sector(1), NOTED);
    turnstile.held[0]?.answer();
    void disk.write(512, sector(2), NOTED);
    turnstile.held[0]?.takeEffect();
    void disk.flush();
    turnstile.held[1]?.answer();
    expect([disk.durable[0], disk.cached.length]).toEqual([1, 1]);
    expect(stampAt(disk.durable, 512)).toBe(initialStamp('source', 1));
    const versions: number[] = [];
    const image = disk.cut((count) => {
      versions.push(count);
      return count - 1;
    });
    expect([versions, image[0], image[512]]).toEqual([[2], 1, 2]);
  });

  it('does not bring back at a power cut what a flushed write has replaced', () => {
    const { disk, turnstile } = rig();
    void disk.write(0, sector(1), NOTED);
    turnstile.held[0]?.takeEffect();
    void disk.write(0, sector(2), NOTED);
    turnstile.held[1]?.answer();
    void disk.flush();
    turnstile.held[1]?.answer();
    const image = disk.cut((count) => count - 1);
    expect(image[0]).toBe(2);
  });

  it('makes a write durable by itself that asks for it', () => {
    const { disk, held } = rig({ forceUnitAccess: true });
    void disk.write(0, sector(3), { forceUnitAccess: true });
    held().answer();
    expect([disk.durable[0], disk.cached]).toEqual([3, []]);
  });

  it('has the operations that it is given, and no others', () => {
    expect(rig().disk.writeZeroes).toBeUndefined();
    expect(rig({ operations: ['writeZeroes'] }).disk.writeZeroes).toBeDefined();
  });

  it('tells where it is zero', async () => {
    const { disk, held } = rig({ operations: ['blockStatus'], zeroSectors: [1] });
    const status = disk.blockStatus?.(0, 1024);
    held().answer();
    expect(await status).toMatchObject({ length: 512, data: true, zero: false });
    const other = disk.blockStatus?.(512, 512);
    held().answer();
    expect(await other).toMatchObject({ length: 512, zero: true });
  });

  it('cancels what is in flight, unless it is of the kind that cannot', async () => {
    const { disk, turnstile } = rig();
    const write = watch(() => disk.write(0, sector(1), NOTED));
    disk.cancelInFlight();
    await settle();
    expect(write).toMatchObject({ state: 'failed', error: { code: 'ECANCELED' } });
    expect(turnstile.held).toEqual([]);
    const stubborn = rig({ cancels: false });
    void stubborn.disk.flush();
    stubborn.disk.cancelInFlight();
    expect(stubborn.turnstile.held).toHaveLength(1);
  });

  it('holds a request beyond its end as it came, for the oracle to see', () => {
    const { disk, turnstile } = rig();
    void disk.read(512, new Uint8Array(1024));
    expect(turnstile.held[0]?.call).toMatchObject({ offset: 512, length: 1024 });
  });

  it('tells torn sectors from whole ones', () => {
    const { disk } = rig();
    disk.bytes.fill(1, 0, 100);
    expect(stampAt(disk.bytes, 0)).toBe(TORN_STAMP);
  });

  it.each([
    [{ name: 'guest', kind: 'device' } as const, 'guest'],
    [{ name: 'mirror0', kind: 'job' } as const, 'job'],
    [{ name: '#block003' }, 'other'],
    [undefined, 'other'],
  ])('knows by whom a request was begun: %j', (parent, origin) => {
    expect(originOf(parent)).toBe(origin);
  });
});
