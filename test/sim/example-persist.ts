/**
 * A mirror with `persist` as a program under test: whenever the power fails, the same call goes on
 * from there, and the target is brought to equal the source.
 */

import { BlockError } from '../../src/base/errors.ts';
import { openDisk } from '../../src/machine/disk.ts';
import type { SimulateOptions, SimulationContext } from '../../src/sim/index.ts';

const SECTOR = 512;
const SOURCE = '/source.img';
const TARGET = '/target.img';
const OPTIONS = { persist: true, granularity: SECTOR, bufSize: 4 * SECTOR };

interface PersistWorld {
  /** Of the disk. */
  readonly sectors: number;
  /** The sectors that the guest writes to while the mirror runs, one after the other. */
  readonly writes: readonly number[];
  /** Whether the guest flushes after each write. @default false */
  readonly flushes?: boolean;
  /** How long the guest waits before each write, in which the journal is settled. @default 0 */
  readonly pauseMs?: number;
}

/** What is known outside of the machine. */
interface Model {
  /** The copy was told to be complete. */
  isFinished: boolean;
  /** What each sector may hold: what it was last known to hold, and what was written since. */
  readonly sectors: number[][];
}

type Context = SimulationContext<Model>;

/** A guest that writes to a disk while it is mirrored, and a mirror that outlives the machine. */
export function persistProgram({
  sectors,
  writes,
  flushes = false,
  pauseMs = 0,
}: PersistWorld): SimulateOptions<Model> {
  const size = sectors * SECTOR;
  return {
    model: () => ({
      isFinished: false,
      sectors: Array.from({ length: sectors }, (_, sector) => [100 + sector]),
    }),

    async prepare({ env }) {
      const file = await env.files.open(SOURCE, { access: 'read-write', create: true });
      for (let at = 0; at < sectors; at += 1) await file.write(at * SECTOR, filled(100 + at));
      await file.close();
    },

    async guest(context) {
      const { env, model } = context;
      const disk = await openDisk(SOURCE, { env });
      const mirror = await disk.mirror(TARGET, { ...OPTIONS });
      for (const [index, sector] of writes.entries()) {
        if (pauseMs > 0) await context.clock.sleep(pauseMs);
        model.sectors[sector]?.push(index + 1);
        await disk.write(sector * SECTOR, filled(index + 1));
        if (!flushes) continue;
        await disk.flush();
        model.sectors[sector]?.splice(0, Number.POSITIVE_INFINITY, index + 1);
      }
      await mirror.ready;
      await disk.flush();
      for (const possible of model.sectors) possible.splice(0, possible.length - 1);
      await mirror.finish();
      model.isFinished = true;
      context.note('the copy is complete');
      await disk.close();
    },

    async recover(context) {
      if (context.model.isFinished) return;
      await goOn(context);
    },

    async check(context) {
      const [source, target] = [await bytesOf(context, SOURCE), await bytesOf(context, TARGET)];
      for (const [sector, possible] of context.model.sectors.entries()) {
        const [one, other] = [source[sector * SECTOR], target[sector * SECTOR]];
        if (source.length !== size || one === undefined || !possible.includes(one)) {
          throw new Error(`sector ${sector} of the source holds ${one}, not ${possible}`);
        }
        if (one !== other) {
          throw new Error(`sector ${sector} of the target holds ${other}, not ${one}`);
        }
      }
    },
  };
}

/** Mirrors again, by the same call, unless what there is says that the copy is complete. */
async function goOn(context: Context): Promise<void> {
  const { env, note } = context;
  const disk = await openDisk(SOURCE, { env });
  const isLeft = await env.files.status(`${TARGET}.mirrordisk-journal`);
  const isNamed = await env.files.status(TARGET);
  if (isLeft || !isNamed) {
    try {
      const mirror = await disk.mirror(TARGET, { ...OPTIONS });
      note(`goes on, and has ${mirror.resumedBytes ?? 'all'} to copy`);
      await mirror.ready;
      await mirror.finish();
    } catch (error) {
      if (!isOfFinished(error)) throw error;
      note('is told that the mirror has finished');
    }
  }
  await disk.close();
}

/** A journal whose name came back after the end: nobody may use it, for the copy was in use. */
function isOfFinished(error: unknown): boolean {
  return (
    error instanceof BlockError && error.reason === 'it must be of a mirror that has not finished'
  );
}

async function bytesOf({ env }: Context, path: string): Promise<Uint8Array> {
  const file = await env.files.open(path, { access: 'read' });
  const bytes = new Uint8Array((await file.status()).size);
  await file.read(0, bytes);
  await file.close();
  return bytes;
}

function filled(byte: number): Uint8Array {
  return new Uint8Array(SECTOR).fill(byte);
}
