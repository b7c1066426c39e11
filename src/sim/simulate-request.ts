/**
 * Where the requests of a program under test wait for the world to let them go on.
 *
 *     asked ── takes effect ── done ── answered
 *       └───────── fails ────────┘
 *
 * A request takes effect when it is answered, in one move, unless another one in flight is about
 * the same bytes: then the two moments are apart, and their order is the world's to choose.
 */

import { BlockError, type BlockErrorCode } from '../base/errors.ts';
import type { Change, Medium } from './simulate-medium.ts';
import { PowerCut } from './simulate-power-cut.ts';

export type SimulatedOperation = 'read' | 'write' | 'writeZeroes' | 'discard' | 'flush' | 'other';

/** What is asked for. */
export interface SimulatedCall {
  readonly medium: Medium;
  readonly operation: SimulatedOperation;
  readonly offset: number;
  readonly length: number;
  /** The call in words, beginning with the name of its disk or file. */
  readonly text: string;
}

/** What a request does; it is told what it is called. */
export interface RequestWork<T> {
  effect(label: string): T;
  /** What a power cut may leave of it before its effect. */
  change?(label: string): Change;
  /** Takes effect in part. */
  half?(label: string): void;
  /** Its caller is told. */
  answered?(): void;
  /** Of a flush: it has failed, and what it was to make durable is given up. */
  forget?(): void;
}

/** Hears what happens. */
export interface RequestWatcher {
  asked(text: string): void;
  answered(text: string): void;
}

/** Requests that wait at a time, at most. */
const HELD_MAX = 10_000;

export class HeldRequest {
  readonly call: SimulatedCall;
  /** The call with how many like it there were before, the same in every run. */
  readonly label: string;
  readonly work: RequestWork<unknown>;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (error: unknown) => void;
  #isDone = false;
  #value: unknown;
  isStalled = false;
  /** The time at which that was seen first. */
  stalledMs: number | undefined;

  constructor(
    call: SimulatedCall,
    label: string,
    work: RequestWork<unknown>,
    settle: { readonly resolve: (value: unknown) => void; readonly reject: (e: unknown) => void },
  ) {
    this.call = call;
    this.label = label;
    this.work = work;
    this.#resolve = settle.resolve;
    this.#reject = settle.reject;
  }

  /** It has taken effect, and its caller does not know. */
  get isDone(): boolean {
    return this.#isDone;
  }

  takeEffect(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#value = this.work.effect(this.label);
  }

  answer(): void {
    this.takeEffect();
    this.work.answered?.();
    this.#resolve(this.#value);
  }

  /** Is answered as if it had taken effect, which it has not. */
  lie(value: unknown): void {
    this.#resolve(value);
  }

  fail(error: unknown): void {
    this.#reject(error);
  }
}

export class RequestLine {
  readonly held: HeldRequest[] = [];
  /** Errors that were injected, to know them again. */
  readonly injected = new WeakSet<object>();
  readonly #watcher: RequestWatcher;
  readonly #counts = new Map<string, number>();
  #isOver = false;

  constructor(watcher: RequestWatcher) {
    this.#watcher = watcher;
  }

  /** @returns What the effect gives; rejects with a {@link PowerCut} once the line is closed. */
  pass<T>(call: SimulatedCall, work: RequestWork<T>): Promise<T> {
    if (this.#isOver) return rejected(new PowerCut(call.text));
    if (this.held.length >= HELD_MAX) {
      throw new RangeError(`Cannot hold a request: at most ${HELD_MAX} may wait`);
    }
    const before = this.#counts.get(call.text) ?? 0;
    this.#counts.set(call.text, before + 1);
    const label = before === 0 ? call.text : `${call.text} #${before + 1}`;
    const promise = new Promise<T>((resolve, reject) => {
      const settle = { resolve: resolve as (value: unknown) => void, reject };
      this.held.push(new HeldRequest(call, label, work, settle));
    });
    // Who asked may have stopped waiting for it, and need not be told.
    promise.catch(() => {});
    this.#watcher.asked(label);
    return promise;
  }

  /** Whether a request and another one in flight are about the same bytes, and one changes them. */
  isContested(request: HeldRequest): boolean {
    return this.held.some((other) => other !== request && conflict(request.call, other.call));
  }

  takeEffect(request: HeldRequest): void {
    request.takeEffect();
    this.#watcher.answered(`${request.label} takes effect`);
  }

  answer(request: HeldRequest): void {
    this.#leave(request);
    this.#watcher.answered(`${request.label} done`);
    request.answer();
  }

  lie(request: HeldRequest): void {
    this.#leave(request);
    this.#watcher.answered(`${request.label} done, it says, and has done nothing`);
    request.lie(undefined);
  }

  fail(request: HeldRequest, code: BlockErrorCode, applied: 'nothing' | 'half' | 'all'): void {
    if (applied === 'all') request.takeEffect();
    if (applied === 'half' && !request.isDone) request.work.half?.(request.label);
    this.#leave(request);
    this.#watcher.answered(`${request.label} fails with ${code}, ${applied} done`);
    const error = new BlockError(code, request.call.text, 'the simulation says so');
    this.injected.add(error);
    request.fail(error);
  }

  /** What a power cut may leave of the requests in flight on a medium. */
  changesOf(medium: Medium): readonly Change[] {
    return this.held.flatMap(({ call, label, isDone, work }) =>
      call.medium !== medium || isDone || !work.change ? [] : [work.change(label)],
    );
  }

  /** Nothing is answered from now on: everybody who waits is told so, and everybody who comes. */
  close(): void {
    this.#isOver = true;
    for (const request of this.held.splice(0)) request.fail(new PowerCut(request.call.text));
  }

  #leave(request: HeldRequest): void {
    const index = this.held.indexOf(request);
    if (index >= 0) this.held.splice(index, 1);
  }
}

/**
 * Waits for a request on behalf of the block layer, to which a power cut is an error as any other.
 *
 * @throws {BlockError} Also for a {@link PowerCut}, which is its cause then.
 */
export async function asBlockRequest<T>(text: string, request: Promise<T>): Promise<T> {
  try {
    return await request;
  } catch (error) {
    if (!(error instanceof PowerCut)) throw error;
    throw new BlockError('EIO', text, 'the power was cut', { cause: error });
  }
}

function rejected(error: unknown): Promise<never> {
  const promise = Promise.reject(error);
  promise.catch(() => {});
  return promise;
}

function conflict(left: SimulatedCall, right: SimulatedCall): boolean {
  if (left.medium !== right.medium) return false;
  if (left.operation === 'flush' || right.operation === 'flush') return false;
  if (left.operation === 'read' && right.operation === 'read') return false;
  const start = Math.max(left.offset, right.offset);
  return start < Math.min(left.offset + left.length, right.offset + right.length);
}
