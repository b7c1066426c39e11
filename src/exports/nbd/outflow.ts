/**
 * Replies on their way out, built where they are sent from.
 *
 *     slab   | reply | reply |  data of a read  | reply |     room for more    |
 *            '------ a run, one write of the connection ------'
 *
 * Who replies reserves room in a slab, fills it, and sends it. Rooms that lie one behind the other
 * go out as one, which costs as much as one reply. But a client that waits for all of them does
 * nothing meanwhile, so some go out early. A slab is used again when all of it is sent; a long
 * reply has one of its own, and goes out at once. So does one whose bytes a disk has lent, which go
 * out from where they lie.
 */

import type { Loan } from '../../block/driver.ts';
import type { Connection } from '../../env/sockets.ts';
import { viewOf } from '../../wire/nbd/words.ts';
import type { BufferPool } from './buffer-pool.ts';

const SLAB_LENGTH = 256 * 1024;
/** What is longer would leave too much of a slab unused. */
const SHARED_LENGTH_MAX = SLAB_LENGTH / 4;

/**
 * Replies that go out together at most; those that say hardly more than that it is done count
 * double, for their requests were long. Measured with `npm run bench nbd`: with fewer, and as much
 * with more, 32 requests in flight take a tenth to a fifth longer.
 */
const TOGETHER_MAX = 8;
const SHORT_LENGTH_MAX = 1024;

class Slab {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  used = 0;
  /** Rooms that are neither sent nor given back. */
  rooms = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = viewOf(bytes);
  }
}

/** A place for one reply. */
export interface Room {
  readonly slab: Slab;
  readonly start: number;
  readonly end: number;
}

/** Rooms that lie one behind the other. */
interface Run {
  readonly slab: Slab;
  readonly start: number;
  end: number;
  rooms: number;
}

export class Outflow {
  readonly #connection: Connection;
  readonly #pool: BufferPool;
  readonly #onSent: () => void;
  #slab: Slab | undefined;
  #run: Run | undefined;
  #heldBytes = 0;
  /** Replies that have not gone out, as {@link TOGETHER_MAX} counts them. */
  #together = 0;

  /** @param onSent Called when {@link Outflow.heldBytes} has become less. */
  constructor(connection: Connection, pool: BufferPool, onSent: () => void) {
    this.#connection = connection;
    this.#pool = pool;
    this.#onSent = onSent;
  }

  /** Bytes that are reserved, or on their way. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Whether a reply of `length` bytes gets memory to itself. */
  isLong(length: number): boolean {
    return length > SHARED_LENGTH_MAX;
  }

  /** Reserves room, for one reply that is then sent or given up. */
  reserve(length: number): Room {
    const slab = this.#slabFor(length);
    const start = slab.used;
    slab.used += length;
    slab.rooms += 1;
    this.#heldBytes += length;
    return { slab, start, end: slab.used };
  }

  /** Sends what is in the room; it goes out with the next {@link Outflow.flush} at the latest. */
  send(room: Room): void {
    this.#append(room);
    const length = room.end - room.start;
    this.#together += length > SHORT_LENGTH_MAX ? 1 : 2;
    if (this.#together < TOGETHER_MAX && !this.isLong(length)) return;
    this.flush();
    this.#connection.flush();
  }

  /** Sends at once what is in the room and, behind it, what is lent; ends the loan when it may. */
  sendLent(room: Room, loan: Loan): void {
    this.#append(room);
    this.flush();
    let left = loan.parts.length;
    for (const part of loan.parts) {
      this.#heldBytes += part.length;
      this.#connection.write(part, () => {
        this.#heldBytes -= part.length;
        left -= 1;
        if (left === 0) loan.end();
        this.#onSent();
      });
    }
    this.#connection.flush();
  }

  /** Sends a reply that is built already. */
  sendBytes(bytes: Uint8Array): void {
    const room = this.reserve(bytes.length);
    room.slab.bytes.set(bytes, room.start);
    this.send(room);
  }

  /** Gives back a room whose reply is not to be sent. */
  giveUp({ slab, start, end }: Room): void {
    this.#release(slab, 1, end - start);
  }

  /** Hands over to the connection what was sent. */
  flush(): void {
    const run = this.#run;
    if (!run) return;
    this.#run = undefined;
    this.#together = 0;
    const { slab, start, end, rooms } = run;
    this.#connection.write(slab.bytes.subarray(start, end), () => {
      this.#release(slab, rooms, end - start);
      this.#onSent();
    });
  }

  /** Puts a reply behind those that go out together, or begins anew with it. */
  #append({ slab, start, end }: Room): void {
    const run = this.#run;
    if (run && run.slab === slab && run.end === start) {
      run.end = end;
      run.rooms += 1;
    } else {
      this.flush();
      this.#run = { slab, start, end, rooms: 1 };
    }
  }

  #slabFor(length: number): Slab {
    if (this.isLong(length)) return new Slab(this.#pool.take(length));
    const slab = this.#slab;
    if (slab && slab.used + length <= SLAB_LENGTH) return slab;
    this.#slab = new Slab(this.#pool.take(SLAB_LENGTH));
    return this.#slab;
  }

  #release(slab: Slab, rooms: number, length: number): void {
    this.#heldBytes -= length;
    slab.rooms -= rooms;
    if (slab.rooms > 0) return;
    // An idle connection holds no memory.
    if (slab === this.#slab) this.#slab = undefined;
    this.#pool.give(slab.bytes);
  }
}
