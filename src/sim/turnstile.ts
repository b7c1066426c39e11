/**
 * Where the requests of simulated disks wait, each of them twice: before it takes effect and
 * before its caller learns of it.
 *
 *     arrived ── effect ── done ── answer ── gone
 *        └──────── fail ─────┴──── gone
 *
 * Nothing in here moves by itself. What a request reads it gets at its effect, and hands it over
 * at its answer; what it writes it takes from the caller's buffer at its effect.
 */

import type { BlockErrorCode } from '../base/errors.ts';
import { BlockError } from '../base/errors.ts';

export type DiskName = 'source' | 'target';

export type Operation = 'read' | 'write' | 'writeZeroes' | 'discard' | 'flush' | 'blockStatus';

/** Who began a request. */
export type Origin = 'guest' | 'job' | 'other';

/** What a disk was asked to do. */
export interface DiskCall {
  readonly disk: DiskName;
  readonly operation: Operation;
  readonly offset: number;
  readonly length: number;
  readonly origin: Origin;
}

/** What a request does at its two points. */
export interface PassageWork<T> {
  /** What it is to write, as one number. */
  readonly brings?: number;
  /** Takes effect. @returns What the answer hands over. */
  effect(passage: Passage): T;
  /** Takes effect in part, for a request that fails half way. */
  half?(passage: Passage): void;
  /** Hands over, right before the caller is told. */
  deliver?(value: T): void;
}

/** Is told of everything at the moment at which it happens. */
export interface TurnstileWatcher {
  arrived(passage: Passage): void;
  tookEffect(passage: Passage): void;
  answered(passage: Passage): void;
}

/** Most requests that wait at a time. */
const HELD_MAX = 10_000;

/** One request on its way through. */
export class Passage {
  /** Counts all requests of a world, from 0. */
  readonly id: number;
  readonly call: DiskCall;
  /** The call in a few words, and a number where others like it wait. */
  readonly label: string;
  stage: 'arrived' | 'done' | 'gone' = 'arrived';
  /** Waits to be released. */
  stalled = false;
  /** What it failed with, once it is gone. */
  error: BlockError | undefined;
  /** When it arrived and was answered, counted in arrivals and answers of the world. */
  arrivedAt = 0;
  answeredAt = Number.POSITIVE_INFINITY;
  /** What it is to write, as one number; 0 where that is not known. */
  readonly brings: number;
  /** What it read or wrote, as one number; 0 before its effect. */
  seen = 0;
  readonly turnstile: Turnstile;
  readonly #work: PassageWork<unknown>;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (error: unknown) => void;
  #value: unknown;

  constructor(
    turnstile: Turnstile,
    parts: { readonly id: number; readonly call: DiskCall; readonly label: string },
    work: PassageWork<unknown>,
    settle: { readonly resolve: (value: unknown) => void; readonly reject: (e: unknown) => void },
  ) {
    this.turnstile = turnstile;
    this.id = parts.id;
    this.call = parts.call;
    this.label = parts.label;
    this.brings = work.brings ?? 0;
    this.#work = work;
    this.#resolve = settle.resolve;
    this.#reject = settle.reject;
  }

  /** Whether its effect changes what a disk holds, or what of it is durable. */
  get changes(): boolean {
    const { operation } = this.call;
    return operation !== 'read' && operation !== 'blockStatus';
  }

  takeEffect(): void {
    if (this.stage !== 'arrived') return;
    this.stage = 'done';
    this.#value = this.#work.effect(this);
    this.turnstile.watcher.tookEffect(this);
  }

  /** Answers well, having taken effect. */
  answer(): void {
    this.takeEffect();
    this.#leave();
    this.#work.deliver?.(this.#value);
    this.turnstile.watcher.answered(this);
    this.#resolve(this.#value);
  }

  /** Answers with an error; what has taken effect stays. */
  fail(code: BlockErrorCode, applied: 'nothing' | 'half' | 'all' = 'nothing'): void {
    if (applied === 'all') this.takeEffect();
    if (applied === 'half' && this.stage === 'arrived') {
      this.#work.half?.(this);
      this.turnstile.watcher.tookEffect(this);
    }
    this.#leave();
    const { operation, offset, length, disk } = this.call;
    const action = `${operation} ${length} bytes at ${offset} of the ${disk}`;
    this.error = new BlockError(code, action, 'the simulation says so');
    this.turnstile.watcher.answered(this);
    this.#reject(this.error);
  }

  #leave(): void {
    this.stage = 'gone';
    this.stalled = false;
    this.turnstile.remove(this);
  }
}

export class Turnstile {
  readonly watcher: TurnstileWatcher;
  /** What waits, the oldest first. */
  readonly held: Passage[] = [];
  #time = 0;
  #count = 0;
  /** Told of each request that arrives, after the watcher, by who lets it go by itself. */
  onArrival: ((passage: Passage) => void) | undefined;

  constructor(watcher: TurnstileWatcher) {
    this.watcher = watcher;
  }

  /** How many requests have come. */
  get count(): number {
    return this.#count;
  }

  pass<T>(call: DiskCall, work: PassageWork<T>): Promise<T> {
    if (this.held.length >= HELD_MAX) {
      throw new RangeError(`Cannot hold a request: at most ${HELD_MAX} may wait`);
    }
    return new Promise<T>((resolve, reject) => {
      const passage = new Passage(
        this,
        { id: this.#count, call, label: this.#labelOf(call) },
        // The value that effect() gives is the one that deliver() and the promise take.
        work as PassageWork<unknown>,
        { resolve: resolve as (value: unknown) => void, reject },
      );
      this.#count += 1;
      passage.arrivedAt = this.#tick();
      this.held.push(passage);
      this.watcher.arrived(passage);
      this.onArrival?.(passage);
    });
  }

  /** Takes a request out of the line; the request itself does so when it is answered. */
  remove(passage: Passage): void {
    const index = this.held.indexOf(passage);
    if (index >= 0) this.held.splice(index, 1);
    passage.answeredAt = this.#tick();
  }

  #tick(): number {
    this.#time += 1;
    return this.#time;
  }

  #labelOf({ disk, operation, offset, length, origin }: DiskCall): string {
    const where = operation === 'flush' ? '' : ` ${offset}+${length}`;
    const name = `${disk} ${operation}${where} (${origin})`;
    // No other that waits has this label, and none of the past counts: so states can be the same.
    let label = name;
    for (let more = 1; this.held.some((other) => other.label === label); more += 1) {
      label = `${name} again ${more}`;
    }
    return label;
  }
}
