/**
 * Requests in the hands of the disk, from the moment they are whole to their replies.
 *
 * What completes at once is answered at once, without a promise. A read has its place in the reply
 * from the beginning, so that the disk puts the bytes where they are sent from; a long one is sent
 * from the disk's own memory where that can be had, and a long write has come into it.
 */

import { BlockError } from '../../base/errors.ts';
import type { Pending } from '../../base/pending.ts';
import type { Loan } from '../../block/driver.ts';
import type { BlockEdge } from '../../block/edge.ts';
import { COMMAND, COMMAND_FLAG } from '../../wire/nbd/constants.ts';
import { errorValueOf } from '../../wire/nbd/errors.ts';
import type { NbdRequest } from '../../wire/nbd/requests.ts';
import { EXTENTS_MAX, extentsOf } from './block-status.ts';
import type { Refusal } from './check.ts';
import type { NbdExport } from './export.ts';
import type { ChosenContext } from './meta-contexts.ts';
import type { Room } from './outflow.ts';
import type { ContextStatus, ReadPiece, Replies } from './replies.ts';
import { SparseReads } from './sparse-reads.ts';

/** What it works with. */
export interface WorkParts {
  readonly target: NbdExport;
  readonly replies: Replies;
  readonly contexts: readonly ChosenContext[];
  /** Replies to reads may have holes. */
  readonly structured: boolean;
  /** Lengths have 64 bits. */
  readonly extended: boolean;
  /** What the client's requests are multiples of, in bytes. */
  readonly minimum: number;
  /** Called when a request that was begun has been answered, with what came with it. */
  readonly onAnswered: (payload: Payload | undefined) => void;
}

const { FUA, NO_HOLE, DF, REQ_ONE, FAST_ZERO } = COMMAND_FLAG;
const DURABLE = { forceUnitAccess: true } as const;
const PLACED = { placed: true } as const;

/** The bytes that came with a request. */
export interface Payload {
  readonly bytes: Uint8Array;
  /** What they are a part of; nothing when they are in memory that the disk has placed. */
  readonly buffer: Uint8Array | undefined;
}

const EMPTY = new Uint8Array(0);
const NOTHING: Payload = { bytes: EMPTY, buffer: EMPTY };

/** A request in flight. */
class Task {
  readonly request: NbdRequest;
  /** Of a write. */
  readonly payload: Payload | undefined;
  /** Of a read that is answered with the disk's own memory. */
  loan: Loan | undefined;
  /** Of a read that is answered in one piece, or is not answered with its bytes. */
  room: Room | undefined;
  /** Of a read that is answered in several. */
  pieces: readonly ReadPiece[] | undefined;
  statuses: readonly ContextStatus[] | undefined;

  constructor(request: NbdRequest, payload: Payload | undefined) {
    this.request = request;
    this.payload = payload;
  }
}

export class Work {
  readonly #parts: WorkParts;
  readonly #edge: BlockEdge;
  readonly #replies: Replies;
  readonly #sparse: SparseReads;
  #inFlight = 0;

  constructor(parts: WorkParts) {
    this.#parts = parts;
    this.#edge = parts.target.edge;
    this.#replies = parts.replies;
    this.#sparse = new SparseReads(this.#edge);
  }

  /** Requests that are not answered. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Carries out a request that has been checked; `payload` stays as it is until then. */
  begin(request: NbdRequest, payload?: Payload): void {
    const task = new Task(request, payload);
    this.#inFlight += 1;
    let started: Pending;
    try {
      started = this.#start(task);
    } catch (error) {
      this.#fail(task, error);
      return;
    }
    if (!(started instanceof Promise)) this.#finish(task);
    else {
      void started.then(
        () => this.#finish(task),
        (error: unknown) => this.#fail(task, error),
      );
    }
  }

  /** Answers a request that is not carried out. */
  refuse(request: NbdRequest, refusal: Refusal): void {
    this.#parts.target.accounts.countFailed(request.command);
    this.#replies.sendError(request, refusal);
  }

  #start(task: Task): Pending {
    const { command, flags, offset, length } = task.request;
    const forceUnitAccess = (flags & FUA) !== 0;
    switch (command) {
      case COMMAND.READ:
        return this.#read(task);
      case COMMAND.WRITE:
        return this.#write(task, forceUnitAccess);
      case COMMAND.FLUSH:
        return this.#edge.flush();
      case COMMAND.TRIM:
        return forceUnitAccess
          ? this.#trimDurably(offset, length)
          : this.#edge.discard(offset, length);
      case COMMAND.WRITE_ZEROES: {
        const mayUnmap = (flags & NO_HOLE) === 0;
        const noFallback = (flags & FAST_ZERO) !== 0;
        const options = { mayUnmap, noFallback, forceUnitAccess };
        return this.#edge.writeZeroes(offset, length, options);
      }
      case COMMAND.BLOCK_STATUS:
        return this.#findStatuses(task);
      default:
        // CACHE: whoever reads has it near.
        return this.#readWhole(task);
    }
  }

  #read(task: Task): Pending {
    const { request } = task;
    // A structured reply has no empty chunks.
    if (request.length === 0) return;
    if (!this.#parts.structured || (request.flags & DF) !== 0) return this.#readOrBorrow(task);
    const parts = this.#sparse.partsOf(request);
    if (parts === undefined) return this.#readOrBorrow(task);
    return this.#readSparse(task, parts);
  }

  #readOrBorrow(task: Task): Pending {
    const { offset, length } = task.request;
    if (this.#replies.isLong(length)) task.loan = this.#edge.lend(offset, length);
    if (!task.loan) return this.#readWhole(task);
  }

  #readWhole(task: Task): Pending {
    const { offset, length } = task.request;
    task.room = this.#replies.reserve(length);
    return this.#edge.read(offset, this.#replies.dataOf(task.room));
  }

  async #readSparse(task: Task, finding: ReturnType<SparseReads['partsOf']>): Promise<void> {
    const parts = await finding;
    if (parts === undefined) return this.#readOrBorrow(task);
    const pieces = parts.map(({ offset, length, isZero }) => ({
      offset,
      length,
      room: isZero ? undefined : this.#replies.reserve(length),
    }));
    task.pieces = pieces;
    // All of them have ended before their rooms are given up.
    const reads = pieces.map(async ({ offset, room }) => {
      if (room) await this.#edge.read(offset, this.#replies.dataOf(room));
    });
    for (const result of await Promise.allSettled(reads)) {
      if (result.status === 'rejected') throw result.reason;
    }
  }

  #write({ request, payload = NOTHING }: Task, forceUnitAccess: boolean): Pending {
    const { bytes, buffer } = payload;
    const options = forceUnitAccess ? DURABLE : buffer ? undefined : PLACED;
    return this.#edge.write(request.offset, bytes, options);
  }

  async #trimDurably(offset: number, length: number): Promise<void> {
    await this.#edge.discard(offset, length);
    await this.#edge.flush();
  }

  async #findStatuses(task: Task): Promise<void> {
    const { contexts, extended, minimum } = this.#parts;
    const { flags } = task.request;
    const options = { countMax: (flags & REQ_ONE) === 0 ? EXTENTS_MAX : 1, minimum, extended };
    const statuses: ContextStatus[] = [];
    for (const context of contexts) {
      const extents = await extentsOf(context, this.#edge, task.request, options);
      statuses.push({ context: context.id, extents });
    }
    task.statuses = statuses;
  }

  #finish(task: Task): void {
    const { request, loan, room, pieces, statuses } = task;
    this.#parts.target.accounts.countDone(request.command, request.length);
    if (loan) this.#replies.sendLent(request, loan);
    else if (pieces) this.#replies.sendPieces(request, pieces);
    else if (statuses) this.#replies.sendStatuses(request, statuses);
    else if (room && request.command === COMMAND.READ) this.#replies.sendData(request, room);
    else {
      if (room) this.#replies.giveUp(room);
      this.#replies.sendDone(request);
    }
    this.#end(task);
  }

  #fail(task: Task, error: unknown): void {
    const { request, room, pieces } = task;
    // Anything else is a defect of this program, which is no answer to a client.
    if (!(error instanceof BlockError)) throw error;
    if (room) this.#replies.giveUp(room);
    for (const piece of pieces ?? []) if (piece.room) this.#replies.giveUp(piece.room);
    this.refuse(request, { error: errorValueOf(error.code), text: error.message });
    this.#end(task);
  }

  #end(task: Task): void {
    this.#inFlight -= 1;
    this.#parts.onAnswered(task.payload);
  }
}
