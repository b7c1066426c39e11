import { describe, expect, it } from 'vitest';
import type { Sockets } from '../../src/env/sockets.ts';
import { QmpClient } from '../../src/monitor/client.ts';
import { MonitorError } from '../../src/monitor/command.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { HandConnection } from '../support/hand-connection.ts';
import { settle } from '../support/settle.ts';

const ADDRESS = { type: 'unix', path: 'qmp.sock' } as const;
const GREETING = '{"QMP": {"version": {}, "capabilities": []}}';

/** A server that the test plays. */
class Played {
  readonly connection = new HandConnection();
  readonly clock = new FakeClock();
  readonly client: Promise<QmpClient>;

  constructor() {
    const sockets = { connect: async () => this.connection } as unknown as Sockets;
    this.client = QmpClient.connect({ sockets, clock: this.clock }, ADDRESS);
    // What it fails with is looked at later.
    this.client.catch(() => {});
  }

  async says(...lines: readonly string[]): Promise<void> {
    await settle();
    this.connection.say(new TextEncoder().encode(`${lines.join('\r\n')}\r\n`));
    await settle();
  }

  async heard(): Promise<readonly unknown[]> {
    await settle();
    const text = new TextDecoder().decode(this.connection.hear());
    return text
      .split('\r\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  }

  async negotiated(): Promise<QmpClient> {
    await this.says(GREETING);
    await this.heard();
    await this.says('{"return": {}, "id": 1}');
    return this.client;
  }
}

describe('a client of QMP', () => {
  it('negotiates before it asks anything', async () => {
    const played = new Played();
    await settle();
    expect(await played.heard()).toEqual([]);
    await played.says(GREETING);
    expect(await played.heard()).toEqual([{ execute: 'qmp_capabilities', id: 1 }]);
    await played.says('{"return": {}, "id": 1}');
    expect((await played.client).greeting).toEqual(JSON.parse(GREETING));
  });

  it('tells answers apart by their ids, in whatever order they come', async () => {
    const played = new Played();
    const client = await played.negotiated();
    const answers = [client.execute('a', { x: 1 }), client.send({ execute: 'b' })];
    expect(await played.heard()).toEqual([
      { execute: 'a', arguments: { x: 1 }, id: 2 },
      { execute: 'b', id: 3 },
    ]);
    await played.says('{"return": "second", "id": 3}', '{"return": "first", "id": 2}');
    expect(await Promise.all(answers)).toEqual(['first', 'second']);
  });

  it('gives an answer without an id to the oldest command', async () => {
    const played = new Played();
    const client = await played.negotiated();
    const answers = [client.execute('a'), client.execute('b')];
    answers[0]?.catch(() => {});
    await played.says(
      '{"error": {"class": "GenericError", "desc": "no"}}',
      '{"return": 1, "id": 3}',
    );
    await expect(answers[0]).rejects.toThrow('no');
    expect(await answers[1]).toBe(1);
  });

  it('fails with the class and the text of an error', async () => {
    const played = new Played();
    const client = await played.negotiated();
    const answer = client.execute('a');
    const refused = expect(answer).rejects.toEqual(
      new MonitorError('CommandNotFound', 'The command a has not been found'),
    );
    const desc = 'The command a has not been found';
    await played.says(JSON.stringify({ error: { class: 'CommandNotFound', desc }, id: 2 }));
    await refused;
  });

  it('gives events once, those too that came before anybody listened', async () => {
    const played = new Played();
    const client = await played.negotiated();
    await played.says('{"event": "A"}', '{"event": "B"}');
    played.connection.close();
    const events: unknown[] = [];
    for await (const event of client.events) events.push(event);
    expect(events).toEqual([{ event: 'A' }, { event: 'B' }]);
  });

  it('fails what was asked when the server hangs up, and what is asked then', async () => {
    const played = new Played();
    const client = await played.negotiated();
    const answer = client.execute('a');
    const lost = expect(answer).rejects.toMatchObject({ code: 'ECONNRESET' });
    await settle();
    played.connection.close();
    await lost;
    await expect(client.execute('b')).rejects.toThrow('talk to "qmp.sock": the server has hung up');
  });

  it.each([
    ['something else', 'SSH-2.0-OpenSSH_9.2'],
    ['no object', '[]'],
  ])('refuses a server that says %s', async (_, line) => {
    const played = new Played();
    await played.says(line);
    await expect(played.client).rejects.toMatchObject({ code: 'EPROTO' });
    expect(played.connection.outcome).toBe('destroyed');
  });

  it('waits ten seconds for a greeting', async () => {
    const played = new Played();
    await settle();
    await played.clock.advance(9999);
    await settle();
    expect(played.connection.outcome).toBe('no');
    await played.clock.advance(1);
    await expect(played.client).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    expect(played.connection.outcome).toBe('destroyed');
  });

  it('leaves no timer behind', async () => {
    const played = new Played();
    await played.negotiated();
    expect(played.clock.timers).toBe(0);
  });
});
