import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { type SimulatedDisk, SimulationError, simulate } from '../../src/sim/index.ts';

const SECTOR = 512;

function filled(byte: number, sectors = 1): Uint8Array {
  return new Uint8Array(sectors * SECTOR).fill(byte);
}

/** The first byte of each of the first sectors. */
async function firstBytes(disk: SimulatedDisk, sectors: number): Promise<string> {
  const bytes = await disk.read(0, sectors * SECTOR);
  return Array.from({ length: sectors }, (_, at) => bytes[at * SECTOR]).join('');
}

/** Everything that a guest's disk may hold after a power cut at the very worst moment. */
async function imagesOf(
  guest: (disk: SimulatedDisk) => Promise<void>,
  faults: { readonly tear?: boolean; readonly reorder?: boolean } = {},
): Promise<readonly string[]> {
  const images = new Set<string>();
  await simulate({
    guest: ({ disk }) => guest(disk),
    async check({ disk }) {
      images.add(await firstBytes(disk, 2));
    },
    faults,
    explore: true,
  });
  return [...images].sort();
}

describe('faults of simulate()', () => {
  it('let writes survive in any order, and in part', async () => {
    const twoWrites = async (disk: SimulatedDisk) => {
      await disk.write(0, filled(1));
      await disk.write(SECTOR, filled(1));
    };
    expect(await imagesOf(twoWrites)).toEqual(['00', '01', '10', '11']);
    const oneWrite = (disk: SimulatedDisk) => disk.write(0, filled(1, 2));
    expect(await imagesOf(oneWrite)).toEqual(['00', '01', '10', '11']);
    expect(await imagesOf(oneWrite, { tear: false })).toEqual(['00', '11']);
  });

  it('leave alone what a flush has made durable', async () => {
    const flushed = async (disk: SimulatedDisk) => {
      await disk.write(0, filled(1));
      await disk.flush();
      await disk.write(SECTOR, filled(1));
      await disk.write(SECTOR, filled(2));
    };
    expect(await imagesOf(flushed)).toEqual(['00', '10', '11', '12']);
  });

  it('answer requests that came together in any order', async () => {
    const orders = new Set<string>();
    const run = (reorder: boolean) =>
      simulate({
        async guest({ disk }) {
          const order: number[] = [];
          const write = async (at: number) => {
            await disk.write(at * SECTOR, filled(1));
            order.push(at);
          };
          await Promise.all([write(0), write(1), write(2)]);
          orders.add(order.join(''));
        },
        check() {},
        faults: { powerCuts: 0, reorder },
        explore: true,
      });
    await run(true);
    expect(orders.size).toBe(6);
    orders.clear();
    await run(false);
    expect([...orders]).toEqual(['012']);
  });

  it('fail requests as often, with the code and in the part that is asked for', async () => {
    const codes = new Set<string>();
    const images = new Set<string>();
    await simulate({
      async guest({ disk }) {
        for (let tries = 0; tries < 3; tries += 1) {
          try {
            await disk.write(0, filled(1, 2));
            if (tries > 1) throw new Error('it failed too often');
            return;
          } catch (error) {
            codes.add(error instanceof BlockError ? error.code : String(error));
          }
          images.add(await firstBytes(disk, 2));
        }
      },
      check() {},
      faults: {
        powerCuts: 0,
        errors: [{ code: 'ENOSPC', operations: ['write'], applied: ['nothing', 'half'] }],
      },
      explore: true,
    });
    expect([...codes]).toEqual(['ENOSPC']);
    expect([...images].sort()).toEqual(['00', '10']);
  });

  it('let a program give up for an error of the disk, and check what it leaves', async () => {
    const ends = new Set<string>();
    const report = await simulate({
      async guest({ disk }) {
        await disk.write(0, filled(1));
        await disk.write(SECTOR, filled(1));
      },
      async check({ disk, after }) {
        ends.add(`${after} ${await firstBytes(disk, 2)}`);
      },
      faults: { powerCuts: 0, errors: 1 },
      explore: true,
    });
    expect(report.verdict).toBe('proved');
    expect([...ends].sort()).toEqual(['end 00', 'end 10', 'end 11']);
  });

  it('forget what a failed flush was to make durable, as Linux does', async () => {
    const retried = (forgets: boolean) =>
      simulate({
        model: () => ({ isSaved: false }),
        async guest({ disk, model }) {
          await disk.write(0, filled(1));
          await disk.flush().catch(() => disk.flush());
          model.isSaved = true;
        },
        async check({ disk, model }) {
          if (model.isSaved && (await firstBytes(disk, 1)) !== '1') throw new Error('lost');
        },
        faults: { errors: [{ operations: ['flush'], forgets }] },
        explore: true,
      });
    expect((await retried(false)).verdict).toBe('proved');
    await expect(retried(true)).rejects.toThrow('lost');
  });

  it('let a flush lie', async () => {
    const lied = (lies: number) =>
      simulate({
        model: () => ({ isSaved: false }),
        async guest({ disk, model }) {
          await disk.write(0, filled(1));
          await disk.flush();
          model.isSaved = true;
        },
        async check({ disk, model }) {
          if (model.isSaved && (await firstBytes(disk, 1)) !== '1') throw new Error('lost');
        },
        faults: { lies },
        explore: true,
      });
    expect((await lied(0)).verdict).toBe('proved');
    await expect(lied(1)).rejects.toThrow('lost');
  });

  it('let a request be slower than the time that somebody gives it', async () => {
    const winners = new Set<string>();
    const race = (faults: { readonly stalls?: number; readonly delays?: number }) =>
      simulate({
        async guest({ disk, clock }) {
          const read = disk.read(0, SECTOR).then(() => 'read');
          const timeout = clock.sleep(1000).then(() => 'timeout');
          winners.add(await Promise.race([read, timeout]));
          await read;
        },
        check() {},
        faults: { powerCuts: 0, ...faults },
        explore: true,
      });
    await race({});
    expect([...winners]).toEqual(['read']);
    await race({ delays: 1 });
    expect(winners.size).toBe(2);
    winners.clear();
    await race({ stalls: 1 });
    expect(winners.size).toBe(2);
  });

  it('end a stall although somebody looks at the clock for ever', async () => {
    const report = await simulate({
      async guest({ disk, clock, background }) {
        background(async () => {
          for (;;) await clock.sleep(100);
        });
        await disk.flush();
      },
      check() {},
      faults: { powerCuts: 0, stalls: 1 },
      explore: true,
      stepsMax: 200,
    });
    expect(report.verdict).toBe('proved');
  });

  it('cut the power again while a program recovers', async () => {
    const twice = (powerCuts: number) =>
      simulate({
        async guest({ disk }) {
          await disk.write(0, filled(1));
          await disk.flush();
        },
        // Moves what is there, and for a moment has it nowhere.
        async recover({ disk }) {
          const bytes = await disk.read(0, SECTOR);
          if (bytes[0] !== 1) return;
          await disk.write(0, filled(0));
          await disk.flush();
          await disk.write(SECTOR, bytes);
          await disk.flush();
        },
        async check({ disk, after }) {
          const found = await firstBytes(disk, 2);
          if (after === 'end' || found !== '00') return;
          throw new Error('it is nowhere');
        },
        prepare: async ({ disk }) => disk.write(0, filled(1)),
        faults: { powerCuts },
        explore: true,
      });
    expect((await twice(1)).verdict).toBe('proved');
    const error = await twice(2).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SimulationError);
    expect(String(error)).toContain('it is nowhere');
  });

  it('hit several disks at once, each by itself', async () => {
    const images = new Set<string>();
    await simulate({
      disks: { left: { size: 1024 }, right: { size: 1024, content: filled(7) } },
      async guest({ disks }) {
        await disks['left']?.write(0, filled(1));
        await disks['right']?.write(0, filled(1));
      },
      async check({ disks: { left, right } }) {
        if (left && right) images.add((await firstBytes(left, 1)) + (await firstBytes(right, 1)));
      },
      explore: true,
    });
    expect([...images].sort()).toEqual(['01', '07', '11', '17']);
  });
});
