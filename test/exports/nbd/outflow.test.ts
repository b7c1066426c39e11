import { describe, expect, it, vi } from 'vitest';
import { BufferPool } from '../../../src/exports/nbd/buffer-pool.ts';
import { Outflow } from '../../../src/exports/nbd/outflow.ts';
import { HandConnection } from '../../support/hand-connection.ts';

const SLAB_LENGTH = 256 * 1024;

function rig() {
  const connection = new HandConnection();
  connection.takes = false;
  const pool = new BufferPool();
  const sent: number[] = [];
  const out: Outflow = new Outflow(connection, pool, () => sent.push(out.heldBytes));
  /** Reserves room, and fills it. */
  const room = (length: number, byte: number) => {
    const made = out.reserve(length);
    made.slab.bytes.fill(byte, made.start, made.end);
    return made;
  };
  return { connection, pool, out, sent, room };
}

describe('the outflow of an NBD connection', () => {
  it('sends as one what lies one behind the other', () => {
    const { connection, out, sent, room } = rig();
    for (const byte of [1, 2, 3]) out.send(room(10, byte));
    out.flush();
    expect(connection.writes).toBe(1);
    expect(out.heldBytes).toBe(30);
    connection.takeAll();
    expect([...connection.hear()]).toEqual([1, 2, 3].flatMap((byte) => Array(10).fill(byte)));
    expect(sent).toEqual([0]);
  });

  it('sends in the order in which it is told to', () => {
    const { connection, out, room } = rig();
    const [first, second, third] = [room(2, 1), room(2, 2), room(2, 3)];
    out.send(second);
    out.send(third);
    out.send(first);
    out.flush();
    connection.takeAll();
    expect([...connection.hear()]).toEqual([2, 2, 3, 3, 1, 1]);
    expect(connection.writes).toBe(2);
  });

  it('uses the memory again when all of it is sent or given up, and not before', () => {
    const { connection, pool, out, room } = rig();
    const [kept, given, large] = [room(10, 1), room(10, 2), room(SLAB_LENGTH, 3)];
    out.giveUp(given);
    out.send(large);
    out.flush();
    connection.takeAll();
    expect(pool.idleBytes).toBe(SLAB_LENGTH);
    out.send(kept);
    out.flush();
    expect(pool.idleBytes).toBe(SLAB_LENGTH);
    connection.takeAll();
    expect(pool.idleBytes).toBe(2 * SLAB_LENGTH);
    expect(out.heldBytes).toBe(0);
    expect(room(10, 1).start).toBe(0);
  });

  it('takes more memory when a slab is full', () => {
    const { connection, pool, out, room } = rig();
    const length = SLAB_LENGTH / 4;
    for (const byte of [1, 2, 3, 4, 5]) out.send(room(length, byte));
    out.flush();
    expect(connection.writes).toBe(2);
    connection.takeAll();
    const heard = connection.hear();
    expect([0, 1, 2, 3, 4].map((index) => heard[index * length])).toEqual([1, 2, 3, 4, 5]);
    expect(pool.idleBytes).toBe(2 * SLAB_LENGTH);
  });

  it('sends long replies at once, and short ones when some have gathered', () => {
    const { connection, out, room } = rig();
    const flushed = vi.spyOn(connection, 'flush');
    for (const byte of [1, 2, 3]) out.send(room(16, byte));
    expect(flushed).toHaveBeenCalledTimes(0);
    out.send(room(16, 4));
    expect(flushed).toHaveBeenCalledTimes(1);
    out.send(room(SLAB_LENGTH / 4, 5));
    expect(flushed).toHaveBeenCalledTimes(1);
    out.send(room(SLAB_LENGTH / 4 + 1, 6));
    expect(flushed).toHaveBeenCalledTimes(2);
    expect(connection.writes).toBe(3);
  });

  it('sends from each slab by itself', () => {
    const { connection, out, room } = rig();
    const length = SLAB_LENGTH / 4;
    const [first, , , , , sixth] = [1, 2, 3, 4, 5, 6].map((byte) => room(length, byte));
    if (!first || !sixth) throw new Error('There is no room');
    expect(sixth.start).toBe(first.end);
    out.send(first);
    out.send(sixth);
    out.flush();
    connection.takeAll();
    const heard = connection.hear();
    expect([heard.length, heard[0], heard[length]]).toEqual([2 * length, 1, 6]);
  });

  it('sends at once what is lent, behind its header, and ends the loan after that', () => {
    const { connection, out, sent, room } = rig();
    const flushed = vi.spyOn(connection, 'flush');
    const end = vi.fn();
    out.send(room(4, 1));
    const parts = [2, 3].map((byte) => new Uint8Array(5).fill(byte));
    out.sendLent(room(4, 9), { parts, end });
    expect(flushed).toHaveBeenCalledTimes(1);
    expect(out.heldBytes).toBe(18);
    out.send(room(1, 4));
    expect(end).toHaveBeenCalledTimes(0);
    connection.takeAll();
    const heard = [1, 9].flatMap((byte) => Array(4).fill(byte));
    heard.push(...[2, 3].flatMap((byte) => Array(5).fill(byte)));
    expect([...connection.hear()]).toEqual(heard);
    expect(end).toHaveBeenCalledTimes(1);
    expect(sent).toEqual([11, 6, 1]);
  });

  it('ends the loans of a connection that is over, or goes meanwhile', async () => {
    const { connection, out, room } = rig();
    const ends = [vi.fn(), vi.fn()] as const;
    for (const end of ends) {
      out.sendLent(room(4, 9), { parts: [new Uint8Array(5), new Uint8Array(5)], end });
      connection.destroy();
    }
    await Promise.resolve();
    for (const end of ends) expect(end).toHaveBeenCalledTimes(1);
    expect(out.heldBytes).toBe(0);
  });

  it('gives memory back of a connection that is over', async () => {
    const { connection, pool, out, room } = rig();
    out.send(room(10, 1));
    out.flush();
    connection.destroy();
    await Promise.resolve();
    out.send(room(10, 1));
    out.flush();
    await Promise.resolve();
    expect(out.heldBytes).toBe(0);
    expect(pool.idleBytes).toBe(SLAB_LENGTH);
  });
});
