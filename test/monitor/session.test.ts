import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import {
  type CommandRegistry,
  defineCommand,
  type MonitorCommand,
  MonitorError,
} from '../../src/monitor/command.ts';
import { protocolCommands } from '../../src/monitor/commands/protocol.ts';
import { EMPTY } from '../../src/wire/qapi/command.ts';
import { MonitorRig } from '../support/monitor-rig.ts';
import { type Deferred, deferred, settle } from '../support/settle.ts';

const negotiation = { execute: 'qmp_capabilities' };
const returned = { return: {} };

function command(name: string, run: () => unknown, allowsOutOfBand = false): MonitorCommand {
  const summary = 'For the test';
  return defineCommand({ name, summary, arguments: EMPTY, allowsOutOfBand }, () => run());
}

/** Commands of which each call waits for the test, and one that is executed out of band as well. */
class SlowCommands {
  readonly calls: Deferred<unknown>[] = [];
  readonly registry: CommandRegistry = {
    ...protocolCommands,
    slow: command('slow', () => this.#begin()),
    quick: command('quick', () => this.#begin(), true),
  };

  #begin(): Promise<unknown> {
    const call = deferred<unknown>();
    this.calls.push(call);
    return call.promise;
  }
}

function failing(error: unknown): CommandRegistry {
  const fail = command('fail', () => {
    throw error;
  });
  return { ...protocolCommands, fail };
}

function refused(desc: string, errorClass = 'GenericError') {
  return { error: { class: errorClass, desc } };
}

describe('a session', () => {
  it('greets its client', async () => {
    const [hello] = await new MonitorRig().connect().hear();
    expect(hello).toMatchObject({
      QMP: { version: { qemu: { major: 7, minor: 2 } }, capabilities: ['oob'] },
    });
  });

  it('obeys nothing but the negotiation first, and that once', async () => {
    const client = new MonitorRig().connect();
    await client.hear();
    const first = "Expecting capabilities negotiation with 'qmp_capabilities'";
    const again = 'Capabilities negotiation is already complete, command ignored';
    expect(await client.ask({ execute: 'query-version', id: 1 })).toEqual([
      { ...refused(first, 'CommandNotFound'), id: 1 },
    ]);
    expect(await client.ask({ ...negotiation, arguments: { enable: ['x'] } })).toEqual([
      refused("Parameter 'null' does not accept value 'x'"),
    ]);
    expect(await client.ask(negotiation)).toEqual([returned]);
    expect(await client.ask(negotiation)).toEqual([refused(again, 'CommandNotFound')]);
  });

  it('gives back the id with the answer', async () => {
    const client = await new MonitorRig().client();
    expect(await client.ask({ execute: 'query-version', id: [null] })).toMatchObject([
      { return: { package: 'mirrordisk' }, id: [null] },
    ]);
    expect(await client.ask({ execute: 'none', id: 2 })).toEqual([
      { ...refused('The command none has not been found', 'CommandNotFound'), id: 2 },
    ]);
  });

  it('goes on after what is no JSON, and takes commands in any pieces', async () => {
    const client = await new MonitorRig().client();
    client.say("{'execute': 'query-comm");
    expect(await client.hear()).toEqual([]);
    client.say("ands', 'id': 1} } {'execute': 'query-version', 'id': 2}");
    expect(await client.hear()).toMatchObject([
      { id: 1 },
      refused('JSON parse error, expecting value'),
      { id: 2 },
    ]);
  });

  it('writes each member on a line of its own where it is to be pretty', async () => {
    const client = new MonitorRig().connect({ pretty: true });
    await client.hearText();
    client.say(JSON.stringify(negotiation));
    expect(await client.hearText()).toBe('{\r\n    "return": {\r\n    }\r\n}\r\n');
  });

  it('tells why a command has failed, and by its class where that matters', async () => {
    const plain = new BlockError('EBUSY', 'do it', 'Disk is busy');
    const special = new MonitorError('DeviceNotFound', 'No disk');
    for (const [error, answer] of [
      [plain, refused('Disk is busy')],
      [special, refused('No disk', 'DeviceNotFound')],
    ] as const) {
      const client = await new MonitorRig(failing(error)).client();
      expect(await client.ask({ execute: 'fail' })).toEqual([answer]);
    }
  });

  it('tells events from the negotiation on, those of a command before its answer', async () => {
    const rig = new MonitorRig({
      ...protocolCommands,
      stop: command('stop', () => rig.machine.runState.stop()),
    });
    await rig.machine.runState.cont();
    const [late, client] = [rig.connect(), await rig.client()];
    const heard = await client.ask({ execute: 'stop' });
    expect(heard).toMatchObject([{ event: 'STOP', timestamp: {} }, returned]);
    expect(await late.hear()).toHaveLength(1);
    client.connection.close();
    await settle();
    await rig.machine.runState.cont();
    expect(await client.hear()).toEqual([]);
  });
});

describe('requests that wait', () => {
  it('are taken one at a time, and nothing is read meanwhile', async () => {
    const slow = new SlowCommands();
    const client = await new MonitorRig(slow.registry).client();
    client.say('{"execute": "slow"}{"execute": "slow", "id": 2}');
    await settle();
    expect(slow.calls).toHaveLength(1);
    expect(client.connection.isPaused).toBe(true);
    slow.calls[0]?.resolve({});
    expect(await client.hear()).toEqual([returned]);
    slow.calls[1]?.resolve({});
    expect(await client.hear()).toEqual([{ ...returned, id: 2 }]);
    expect(client.connection.isPaused).toBe(false);
  });

  it('do not hold up those out of band, until eight wait', async () => {
    const slow = new SlowCommands();
    const client = await new MonitorRig(slow.registry).client('oob');
    const quick = (id: number) => `{"exec-oob": "quick", "id": ${id}}`;
    client.say('{"execute": "slow"}'.repeat(8));
    await settle();
    client.say(quick(1));
    slow.calls[1]?.resolve({});
    expect(await client.hear()).toEqual([{ ...returned, id: 1 }]);
    client.say(`{"execute": "slow"}${quick(2)}`);
    expect(await client.hear()).toEqual([]);
    expect(slow.calls).toHaveLength(2);
    expect(client.connection.isPaused).toBe(true);
    slow.calls[0]?.resolve({});
    await settle();
    expect(slow.calls).toHaveLength(4); // The next one has its turn, and a place is free.
  });

  it('out of band are taken one after the other', async () => {
    const slow = new SlowCommands();
    const client = await new MonitorRig(slow.registry).client('oob');
    client.say('{"exec-oob": "quick", "id": 1}{"exec-oob": "quick", "id": 2}');
    await settle();
    expect(slow.calls).toHaveLength(1);
    slow.calls[0]?.resolve({});
    expect(await client.hear()).toEqual([{ ...returned, id: 1 }]);
    expect(slow.calls).toHaveLength(2);
  });

  it('are not done once their client has gone', async () => {
    const slow = new SlowCommands();
    const client = await new MonitorRig(slow.registry).client('oob');
    client.say('{"execute": "slow"}{"execute": "slow"}');
    await settle();
    client.connection.close(new Error('gone'));
    await settle();
    slow.calls[0]?.resolve({});
    expect(await client.hear()).toEqual([]);
    expect(slow.calls).toHaveLength(1);
  });

  it('are done when their client has only ended its half, and then the session ends', async () => {
    const slow = new SlowCommands();
    const client = await new MonitorRig(slow.registry).client();
    client.say('{"execute": "slow"}{"execute": "query-version"}');
    client.connection.sayEnd();
    await settle();
    expect(client.connection.outcome).toBe('no');
    slow.calls[0]?.resolve({});
    expect(await client.hear()).toMatchObject([returned, { return: {} }]);
    expect(client.connection.outcome).toBe('ended');
  });

  it('may be executed out of band only if the command can be', async () => {
    const slow = new SlowCommands();
    const client = await new MonitorRig(slow.registry).client('oob');
    expect(await client.ask({ 'exec-oob': 'slow', id: 1 })).toEqual([
      { ...refused('The command slow does not support OOB'), id: 1 },
    ]);
  });
});

describe('a client that floods', () => {
  it('may send many thousand values in one piece, and is answered them one by one', async () => {
    const client = await new MonitorRig().client();
    client.connection.takes = false;
    client.say('1 '.repeat(200_000));
    await settle();
    client.connection.takeAll();
    const [answer] = await client.hear();
    expect(answer).toEqual(refused('QMP input must be a JSON object'));
    client.connection.close();
  });
});

describe('a client that does not read', () => {
  it('is read no more, until it has read', async () => {
    const client = await new MonitorRig().client();
    client.connection.takes = false;
    const version = '{"execute": "query-version"}';
    for (let count = 0; count < 1000 && !client.connection.isPaused; count += 1) {
      client.say(version.repeat(10));
      await settle();
    }
    expect(client.connection.pendingBytes).toBeLessThan(80 * 1024);
    client.connection.takes = true;
    client.connection.takeAll();
    await settle();
    expect(client.connection.isPaused).toBe(false);
  });

  it('is cut off when events have piled up', async () => {
    const rig = new MonitorRig();
    const [deaf, other] = [await rig.client(), await rig.client()];
    deaf.connection.takes = false;
    deaf.connection.pendingBytes = 64 * 1024 * 1024;
    await rig.machine.runState.stop();
    expect(deaf.connection.outcome).toBe('destroyed');
    expect(await other.hear()).toMatchObject([{ event: 'STOP' }]);
  });
});
