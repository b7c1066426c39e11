/**
 * The mirror beside a program under test: the machine as it ships, on two simulated disks, and what
 * is watched of it.
 *
 * At every step, what is neither dirty nor claimed nor being written must be equal on both disks.
 * When the work is done, both must be equal and the target flushed. Where the program's data is
 * after that, also after a power cut, its own check tells.
 */

import { BlockError } from '../base/errors.ts';
import { type ByteRange, overlaps } from '../base/ranges.ts';
import { defineDriver } from '../block/driver.ts';
import { type GuestRequest, SECTOR_SIZE, STATUS } from '../device/request.ts';
import type { VirtioBlockDevice } from '../device/virtio-blk.ts';
import type { MirrorStart } from '../machine/jobs.ts';
import { Machine } from '../machine/machine.ts';
import { GUEST_NAME, JOB_ID, originOf } from './disk.ts';
import { type MirrorView, newsOf, startMirror } from './mirror-view.ts';
import { driverOf, MediumDisk, type SimulatedDisk } from './simulate-disk.ts';
import type { Life } from './simulate-life.ts';
import { Medium } from './simulate-medium.ts';
import type { MirrorSetup } from './simulate-options.ts';
import { openDisks } from './stage.ts';

/** What the target holds before, so that what is not copied shows. */
const JUNK = 0x55;

interface MirrorParts {
  readonly life: Life;
  readonly source: Medium;
  readonly setup: MirrorSetup;
  readonly note: (text: string) => void;
  /** Whether what a disk says of a flush is so. */
  readonly trustsFlushes: boolean;
}

export class SimulatedMirror {
  readonly target: Medium;
  readonly #parts: MirrorParts;
  readonly #machine: Machine;
  readonly #end: 'complete' | 'cancel';
  readonly #start: MirrorStart;
  #view: MirrorView | undefined;
  #state: 'fresh' | 'started' | 'ending' | 'not started' = 'fresh';
  #isPlanned = false;
  #isReady = false;
  #isStopped = false;
  #wrong: string | undefined;
  readonly #writes = new Set<ByteRange>();

  constructor(parts: MirrorParts) {
    const { end = 'complete', ...options } = parts.setup;
    const { life, source } = parts;
    this.#parts = parts;
    this.#end = end;
    this.#start = {
      granularity: SECTOR_SIZE,
      ...options,
      id: JOB_ID,
      source: 'source',
      target: 'target',
    };
    const size = source.bytes.length;
    const before = new Uint8Array(size).fill(options.targetIsZero ? 0 : JUNK);
    this.target = new Medium(`${source.name}-mirror`, before);
    const { env } = life;
    const make = (medium: Medium) => {
      const inner = driverOf(new MediumDisk({ medium, line: life.line, discarded: 0 }));
      const read: typeof inner.read = (offset, into, origin) => {
        this.#isPlanned ||= medium === source && originOf(origin) === 'job';
        return inner.read(offset, into, origin);
      };
      return defineDriver(() => ({}), {
        summary: 'A disk',
        open: async () => ({ ...inner, read }),
      });
    };
    this.#machine = new Machine(env, {
      'sim-source': make(source),
      'sim-target': make(this.target),
    });
  }

  /** @returns The disk as its guest sees it, wherever its bytes are. */
  async open(): Promise<SimulatedDisk> {
    await openDisks(this.#machine.graph);
    const errors = new WeakMap<GuestRequest, BlockError>();
    const device = this.#machine.addDevice('source', {
      name: GUEST_NAME,
      rerror: 'report',
      werror: 'report',
      onError: (error, request) => errors.set(request, error),
    });
    this.#machine.subscribe((event) => {
      const news = newsOf(event);
      // What comes of a power cut is nobody's to see.
      if (!news || this.#parts.life.isOver) return;
      const { name, status, error, action } = news;
      this.#parts.note(`mirror: ${status ?? name}${error === undefined ? '' : `: ${error}`}`);
      if (name === 'BLOCK_JOB_READY') this.#isReady = true;
      if (name === 'BLOCK_JOB_ERROR' && action === 'stop') this.#isStopped = true;
      if (status === 'pending') this.#demandEqual();
    });
    return this.#guestDisk(device, errors);
  }

  /** Where the guest's requests go now. */
  get medium(): Medium {
    const target = this.#machine.graph.find('target');
    const isGuests = [...target.parents].some(({ parent }) => parent.name === GUEST_NAME);
    return isGuests || (this.#view?.ending === 'completed' && this.#end === 'complete')
      ? this.target
      : this.#parts.source;
  }

  get isOver(): boolean {
    return this.#state === 'not started' || this.#view?.ending !== undefined;
  }

  /** What can be done with it now, in words. */
  get next(): 'start the mirror' | 'complete' | 'cancel' | undefined {
    if (this.#state === 'fresh') return 'start the mirror';
    const isReady = this.#view?.status === 'ready' && this.#isReady;
    return this.#state === 'started' && isReady ? this.#end : undefined;
  }

  goOn(): void {
    if (this.#state === 'fresh') {
      this.#state = 'started';
      this.#begin();
    } else {
      const refusal = this.#view?.say(this.#end);
      if (!refusal) this.#state = 'ending';
    }
  }

  /** Lets a mirror go on that an error has stopped. @returns Whether there was one. */
  mend(): boolean {
    const status = this.#view?.status;
    if (!this.#isStopped || (status !== 'paused' && status !== 'standby')) return false;
    this.#isStopped = false;
    return this.#view?.say('resume') === undefined;
  }

  /** @returns What is wrong with the mirror, if anything is. */
  check(): string | undefined {
    const view = this.#view;
    if (view?.defect !== undefined) this.#wrong ??= `the mirror fails by itself: ${view.defect}`;
    if (this.#wrong !== undefined || !view || view.ending || !this.#isPlanned) return this.#wrong;
    if (view.status === 'aborting' || this.medium === this.target) return undefined;
    const { source } = this.#parts;
    const inside = view.inspect();
    const { dirty } = inside;
    for (let offset = 0; offset < dirty.size; offset += dirty.granularity) {
      const granule = { offset, length: Math.min(dirty.granularity, dirty.size - offset) };
      if (dirty.test(offset) || isSame(source, this.target, granule)) continue;
      if (inside.isClaimed(granule) || this.#isBeingWritten(granule)) continue;
      const { length } = granule;
      this.#wrong = `source and target differ in ${length} bytes at ${offset}, which are clean`;
    }
    return this.#wrong;
  }

  #begin(): void {
    startMirror(this.#machine, this.#start).then(
      (view) => {
        this.#view = view;
      },
      (error: unknown) => {
        this.#state = 'not started';
        if (!(error instanceof BlockError)) this.#wrong = String(error);
      },
    );
  }

  #demandEqual(): void {
    const { source, trustsFlushes } = this.#parts;
    if (this.#view?.status === 'aborting') return;
    const whole = { offset: 0, length: source.bytes.length };
    if (!isSame(source, this.target, whole)) this.#wrong ??= 'the mirror ends with unequal disks';
    if (!trustsFlushes || this.target.cached === 0) return;
    this.#wrong ??= 'the mirror ends with an unflushed target';
  }

  #isBeingWritten(granule: ByteRange): boolean {
    for (const range of this.#writes) if (overlaps(range, granule)) return true;
    return false;
  }

  #guestDisk(device: VirtioBlockDevice, errors: WeakMap<GuestRequest, BlockError>): SimulatedDisk {
    const { life, source } = this.#parts;
    const carryOut = async (request: GuestRequest, range?: ByteRange) => {
      if (range) this.#writes.add(range);
      try {
        const text = `${request.type} ${source.name}`;
        const status = await life.wait(text, device.request(request));
        if (status === STATUS.OK) return;
        throw errors.get(request) ?? new BlockError('EIO', text, 'the disk refused it');
      } finally {
        if (range) this.#writes.delete(range);
      }
    };
    const perform = (request: GuestRequest, range?: ByteRange) => {
      const done = carryOut(request, range);
      // Who asked may have stopped waiting for it, and need not be told.
      done.catch(() => {});
      return done;
    };
    const segments = (offset: number, length: number, unmap: boolean) => [
      { sector: offset / SECTOR_SIZE, sectors: length / SECTOR_SIZE, unmap },
    ];
    return {
      name: source.name,
      size: source.bytes.length,
      async read(offset, length) {
        const data = new Uint8Array(length);
        await perform({ type: 'in', sector: offset / SECTOR_SIZE, data });
        return data;
      },
      write: (offset, data) =>
        perform(
          { type: 'out', sector: offset / SECTOR_SIZE, data },
          { offset, length: data.length },
        ),
      writeZeroes: (offset, length) =>
        perform(
          { type: 'writeZeroes', segments: segments(offset, length, true) },
          { offset, length },
        ),
      discard: (offset, length) =>
        perform({ type: 'discard', segments: segments(offset, length, false) }, { offset, length }),
      flush: () => perform({ type: 'flush' }),
    };
  }
}

function isSame(left: Medium, right: Medium, { offset, length }: ByteRange): boolean {
  const end = offset + length;
  return Buffer.compare(left.bytes.subarray(offset, end), right.bytes.subarray(offset, end)) === 0;
}
