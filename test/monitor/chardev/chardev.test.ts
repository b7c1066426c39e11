import { describe, expect, it } from 'vitest';
import type { Connection } from '../../../src/env/sockets.ts';
import {
  Chardev,
  type ChardevBackend,
  type FrontEnd,
} from '../../../src/monitor/chardev/chardev.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { HandConnection } from '../../support/hand-connection.ts';
import { settle, watch } from '../../support/settle.ts';

/** A backend whose connections are those that the test hands out. */
class HandBackend implements ChardevBackend {
  readonly type = 'hand';
  isClosed = false;
  #take: (connection: Connection | undefined) => void = () => {};

  filename(connection: Connection | undefined): string {
    return connection ? `at ${connection.peer}` : 'nowhere';
  }

  next(): Promise<Connection | undefined> {
    return new Promise((resolve) => {
      this.#take = resolve;
    });
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.#take(undefined);
  }

  async connect(): Promise<HandConnection> {
    const connection = new HandConnection();
    this.#take(connection);
    await settle();
    return connection;
  }
}

/** A front end that greets, and leaves when the connection does. */
const greeter: FrontEnd = (connection, onClosed) => {
  connection.write(new TextEncoder().encode('hello'));
  connection.receive({ data() {}, drained() {}, closed: onClosed });
  return { close: () => connection.end() };
};

function makeChardev() {
  const clock = new FakeClock();
  const backend = new HandBackend();
  return { clock, backend, chardev: new Chardev('mon', backend, clock) };
}

function heard(connection: HandConnection): string {
  return new TextDecoder().decode(connection.hear());
}

describe('a chardev', () => {
  it('gives its front end one connection after the other', async () => {
    const { backend, chardev } = makeChardev();
    chardev.attach(greeter);
    const first = await backend.connect();
    expect([heard(first), chardev.isConnected]).toEqual(['hello', true]);
    first.close();
    await settle();
    expect([chardev.isConnected, chardev.filename]).toEqual([false, 'nowhere']);
    const second = await backend.connect();
    expect([heard(second), chardev.filename]).toEqual(['hello', 'at the test']);
  });

  it('keeps a connection that comes before there is a front end', async () => {
    const { backend, chardev } = makeChardev();
    const opened = watch(() => chardev.opened);
    await settle();
    expect(opened.state).toBe('pending');
    const connection = await backend.connect();
    expect([opened.state, chardev.isConnected, heard(connection)]).toEqual(['done', true, '']);
    chardev.attach(greeter);
    await settle();
    expect(heard(connection)).toBe('hello');
  });

  it('has one front end', () => {
    const { chardev } = makeChardev();
    expect(chardev.isInUse).toBe(false);
    chardev.attach(greeter);
    expect(chardev.isInUse).toBe(true);
    const reason = "Device 'mon' is in use";
    expect(() => chardev.attach(greeter)).toThrow(
      expect.objectContaining({ code: 'EBUSY', reason }),
    );
  });

  it('sends what was said before it closes', async () => {
    const { backend, chardev } = makeChardev();
    chardev.attach(greeter);
    const connection = await backend.connect();
    connection.takes = false;
    connection.write(new TextEncoder().encode(', bye'));
    const closing = watch(() => chardev.close());
    await settle();
    expect([closing.state, connection.outcome]).toEqual(['pending', 'no']);
    connection.takeAll();
    await settle();
    expect([closing.state, backend.isClosed, heard(connection)]).toEqual([
      'done',
      true,
      'hello, bye',
    ]);
    expect(connection.outcome).toBe('destroyed');
  });

  it('does not wait for ever for a client who does not read', async () => {
    const { clock, backend, chardev } = makeChardev();
    const connection = await backend.connect();
    connection.takes = false;
    const closing = watch(() => chardev.close());
    await clock.advance(999);
    expect(closing.state).toBe('pending');
    await clock.advance(1);
    await settle();
    expect([closing.state, connection.outcome]).toEqual(['done', 'destroyed']);
  });
});
