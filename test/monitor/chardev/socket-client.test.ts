import { describe, expect, it } from 'vitest';
import { BlockError } from '../../../src/base/errors.ts';
import { socketClient } from '../../../src/monitor/chardev/socket-client.ts';
import { socketProtocol } from '../../../src/monitor/chardev/socket-protocol.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { HandConnection } from '../../support/hand-connection.ts';
import { settle, watch } from '../../support/settle.ts';

const ADDRESS = { type: 'unix', path: '/run/there.sock' } as const;
const REFUSED = "Failed to connect to '/run/there.sock': Connection refused";

/** A world in which somebody answers, or nobody does. */
class Outside {
  readonly clock = new FakeClock();
  readonly failures: string[] = [];
  answers = true;
  attempts = 0;

  start(reconnectMs: number, protocol = socketProtocol({ side: 'client' })) {
    const connect = async () => {
      this.attempts += 1;
      if (this.answers) return new HandConnection();
      throw new BlockError('ECONNREFUSED', 'connect', 'Connection refused');
    };
    const onFailure = (reason: string) => this.failures.push(reason);
    const world = { sockets: { connect }, timers: this.clock };
    return socketClient(world, { address: ADDRESS, protocol, reconnectMs, onFailure });
  }
}

describe('a chardev that is a client', () => {
  it('connects once, where it is not to do so again', async () => {
    const outside = new Outside();
    const client = await outside.start(0);
    expect(await client.next()).toBeInstanceOf(HandConnection);
    expect(await client.next()).toBeUndefined();
    expect(outside.attempts).toBe(1);
  });

  it('cannot be made when nobody answers', async () => {
    const outside = new Outside();
    outside.answers = false;
    const error = { code: 'ECONNREFUSED', reason: REFUSED };
    await expect(outside.start(0)).rejects.toMatchObject(error);
  });

  it('cannot be made when the other side does not speak its protocol', async () => {
    const refusal = new BlockError('EACCES', 'start TLS', 'no');
    const refusing = { name: 'tcp', begin: () => Promise.reject(refusal) } as const;
    await expect(new Outside().start(0, refusing)).rejects.toThrow(refusal);
  });

  it('connects again, some time after a connection is over', async () => {
    const outside = new Outside();
    const client = await outside.start(3000);
    await client.next();
    const next = watch(() => client.next());
    await outside.clock.advance(2999);
    expect(next.state).toBe('pending');
    await outside.clock.advance(1);
    await settle();
    expect([next.state, outside.attempts]).toEqual(['done', 2]);
  });

  it('tells once that it cannot connect, and again after it could', async () => {
    const outside = new Outside();
    outside.answers = false;
    const client = await outside.start(1000);
    const next = watch(() => client.next());
    await outside.clock.advance(5000);
    expect([next.state, outside.failures]).toEqual(['pending', [REFUSED]]);
    outside.answers = true;
    await outside.clock.advance(1000);
    await settle();
    expect(next.state).toBe('done');
    outside.answers = false;
    void client.next();
    await outside.clock.advance(1000);
    await settle();
    expect(outside.failures).toEqual([REFUSED, REFUSED]);
  });

  it('stops trying when it is closed', async () => {
    const outside = new Outside();
    outside.answers = false;
    const client = await outside.start(1000);
    const next = client.next();
    await settle();
    await client.close();
    expect(await next).toBeUndefined();
    expect([outside.clock.timers, outside.attempts]).toEqual([0, 1]);
  });
});
