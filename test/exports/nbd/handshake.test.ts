import { describe, expect, it } from 'vitest';
import { BlockError } from '../../../src/base/errors.ts';
import { DirtyBitmap } from '../../../src/bitmap/dirty-bitmap.ts';
import type { TlsCredentials } from '../../../src/env/sockets.ts';
import { EXPORT_FLAG, INFO, OPTION, OPTION_REPLY } from '../../../src/wire/nbd/constants.ts';
import {
  encodeInfoRequest,
  encodeMetaContextRequest,
  encodeOption,
} from '../../../src/wire/nbd/options.ts';
import { concat, cutEverywhere, hex, toHex } from '../../support/hex.ts';
import {
  type RigClient,
  ServerRig,
  type ServerRigOptions,
  SIZE,
} from '../../support/nbd-server-rig.ts';
import { settle } from '../../support/settle.ts';

const { ACK, ERR_UNSUP, ERR_INVALID, ERR_UNKNOWN, ERR_TOO_BIG, ERR_POLICY } = OPTION_REPLY;
const { ERR_TLS_REQD, ERR_EXT_HEADER_REQD, SERVER, INFO: INFO_REPLY, META_CONTEXT } = OPTION_REPLY;
const CREDENTIALS: TlsCredentials = { type: 'psk', keys: 'qemu:00' };

/** A client that has greeted a server. */
async function greeted(options?: ServerRigOptions) {
  const rig = new ServerRig(options);
  const client = rig.connect();
  await client.greet();
  return { rig, client };
}

/** Says an option. @returns The types of the replies. */
async function types(client: RigClient, option: number, data?: Uint8Array) {
  return (await client.option(option, data)).map(({ type }) => type);
}

const info = (name: string, ...wanted: number[]) => encodeInfoRequest({ name, wanted });
const contexts = (name: string, ...queries: string[]) =>
  encodeMetaContextRequest({ name, queries });

describe('the handshake of an NBD server', () => {
  it('says every byte as the specification has it, however the client cuts', async () => {
    const said = hex(`
      00000003
      "IHAVEOPT" 00000003 00000000
      "IHAVEOPT" 00000007 0000000c 00000004 "disk" 0001 0003`);
    const expected = hex(`
      "NBDMAGIC" "IHAVEOPT" 0003
      0003e889045565a9 00000003 00000002 0000000a 00000004 "disk" "me"
      0003e889045565a9 00000003 00000001 00000000
      0003e889045565a9 00000007 00000003 0000000e 0003 00000001 00001000 02000000
      0003e889045565a9 00000007 00000003 0000000c 0000 0000000000100000 0d6d
      0003e889045565a9 00000007 00000001 00000000`);
    for (const pieces of cutEverywhere(said)) {
      const client = new ServerRig({ export: { description: 'me' } }).connect();
      for (const piece of pieces) client.say(piece);
      await settle();
      expect(toHex(client.connection.hear())).toBe(toHex(expected));
    }
  });

  it.each([
    [1, 124],
    [3, 0],
  ])(
    'answers EXPORT_NAME of a client with flags %i, %i zeroes following',
    async (flags, zeroes) => {
      const rig = new ServerRig({ export: { name: '', writable: false } });
      const client = rig.connect();
      await client.greet(flags);
      client.say(hex('"IHAVEOPT" 00000001 00000000'));
      await settle();
      const expected = concat(hex('0000000000100000 050f'), new Uint8Array(zeroes));
      expect(toHex(client.connection.hear())).toBe(toHex(expected));
      expect(await client.ask({ length: 16 })).toMatchObject({ error: 0 });
    },
  );

  it('ends for an EXPORT_NAME that there is not, or that is too long', async () => {
    for (const name of [hex('"other"'), new Uint8Array(4097).fill(0x61), new Uint8Array(70_000)]) {
      const { client } = await greeted();
      client.say(encodeOption(OPTION.EXPORT_NAME, name));
      expect(client.connection.outcome).toBe('destroyed');
    }
  });

  it('ends for client flags that nobody knows', async () => {
    const client = new ServerRig().connect();
    await client.greet(4);
    expect(client.connection.outcome).toBe('destroyed');
  });

  it('ends for what is no option', async () => {
    const { client } = await greeted();
    client.say(hex('"IHAVEOPS" 00000003 00000000'));
    expect(client.connection.outcome).toBe('destroyed');
  });

  it('acknowledges ABORT, and ends', async () => {
    const { rig, client } = await greeted();
    client.say(encodeOption(OPTION.ABORT, hex('"whatever"')), encodeOption(OPTION.LIST));
    expect((await client.answers()).map(({ type }) => type)).toEqual([ACK]);
    expect(client.connection.outcome).toBe('ended');
    expect(rig.server.connections).toBe(0);
    expect(rig.clock.timers).toBe(0);
  });

  it('knows no other options', async () => {
    const { client } = await greeted();
    expect(await types(client, 77, hex('00'))).toEqual([ERR_UNSUP]);
    expect(await types(client, 4)).toEqual([ERR_UNSUP]);
    expect(await types(client, OPTION.LIST)).toEqual([SERVER, ACK]);
  });

  it('passes over data of an option that is too long, and ends for what is absurd', async () => {
    const { client } = await greeted();
    client.say(encodeOption(OPTION.GO, new Uint8Array(100_000)), encodeOption(OPTION.LIST));
    expect((await client.answers()).map(({ type }) => type)).toEqual([ERR_TOO_BIG, SERVER, ACK]);
    client.say(hex('"IHAVEOPT" 00000007 ffffffff'));
    expect(client.connection.outcome).toBe('destroyed');
  });

  it('refuses data that say nothing', async () => {
    const { client } = await greeted();
    for (const option of [
      OPTION.LIST,
      OPTION.STRUCTURED_REPLY,
      OPTION.EXTENDED_HEADERS,
      OPTION.STARTTLS,
      OPTION.GO,
    ]) {
      expect(await types(client, option, hex('00'))).toEqual([ERR_INVALID]);
    }
    expect(await types(client, OPTION.GO, info('disk'))).toContain(ACK);
  });

  it('lists all exports with their descriptions', async () => {
    const { rig, client } = await greeted({ export: { description: 'the first' } });
    rig.server.add({ id: 'second', node: rig.node, name: '' });
    expect((await client.option(OPTION.LIST)).map(({ data }) => data)).toMatchObject([
      { kind: 'server', name: 'disk', description: 'the first' },
      { kind: 'server', name: '', description: '' },
      {},
    ]);
  });

  it('tells what was asked for', async () => {
    const { client } = await greeted({ export: { description: 'me' }, disk: { alignment: 512 } });
    const { NAME, DESCRIPTION, BLOCK_SIZE } = INFO;
    const plain = await client.option(OPTION.INFO, info('disk'));
    expect(plain.map(({ data }) => data)).toMatchObject([
      { info: { kind: 'block-size', minimum: 1, preferred: 4096, maximum: 32 * 1024 * 1024 } },
      { info: { kind: 'export', size: SIZE } },
      {},
    ]);
    const all = await client.option(OPTION.INFO, info('disk', NAME, DESCRIPTION, BLOCK_SIZE, 99));
    expect(all.map(({ data }) => data)).toMatchObject([
      { info: { kind: 'block-size', minimum: 512 } },
      { info: { kind: 'export' } },
      { info: { kind: 'name', text: 'disk' } },
      { info: { kind: 'description', text: 'me' } },
      {},
    ]);
    expect(await types(client, OPTION.INFO, info('other'))).toEqual([ERR_UNKNOWN]);
    expect(await types(client, OPTION.GO, info('other'))).toEqual([ERR_UNKNOWN]);
  });

  it('shows only the beginning of a long name that there is not', async () => {
    const { client } = await greeted();
    const refusal = (length: number) => client.option(OPTION.GO, info('x'.repeat(length)));
    const text = (shown: string) => [{ data: { text: `export '${shown}' not present` } }];
    expect(await refusal(79)).toMatchObject(text('x'.repeat(79)));
    expect(await refusal(80)).toMatchObject(text(`${'x'.repeat(80)}...`));
  });

  it('promises no unfragmented reads before there are structured replies', async () => {
    const { client } = await greeted();
    const flags = async () => {
      const [, facts] = await client.option(OPTION.INFO, info('disk'));
      return facts?.data.kind === 'info' && facts.data.info.kind === 'export'
        ? facts.data.info.flags & EXPORT_FLAG.SEND_DF
        : undefined;
    };
    expect(await flags()).toBe(0);
    await client.option(OPTION.STRUCTURED_REPLY);
    expect(await flags()).toBe(EXPORT_FLAG.SEND_DF);
  });

  it('agrees on a style of replies once, extended headers being the last word', async () => {
    const { client } = await greeted();
    const { STRUCTURED_REPLY, EXTENDED_HEADERS } = OPTION;
    expect(await types(client, STRUCTURED_REPLY)).toEqual([ACK]);
    expect(await types(client, STRUCTURED_REPLY)).toEqual([ERR_INVALID]);
    expect(await types(client, EXTENDED_HEADERS)).toEqual([ACK]);
    expect(await types(client, EXTENDED_HEADERS)).toEqual([ERR_INVALID]);
    expect(await types(client, STRUCTURED_REPLY)).toEqual([ERR_EXT_HEADER_REQD]);
  });

  it('stops the client that takes no replies', async () => {
    const { rig, client } = await greeted();
    client.connection.takes = false;
    let count = 0;
    for (; count < 2000 && !client.connection.isPaused; count += 1) {
      client.say(encodeOption(OPTION.LIST));
    }
    expect(count).toBeLessThan(2000);
    client.connection.takeAll();
    expect(client.connection.isPaused).toBe(false);
    expect(rig.server.connections).toBe(1);
  });

  it('does not wait for ever', async () => {
    const { rig, client } = await greeted({ limits: { handshakeMs: 2000 } });
    await rig.clock.advance(1999);
    expect(client.connection.outcome).toBe('no');
    await rig.clock.advance(1);
    expect(client.connection.outcome).toBe('destroyed');
    await settle();
    expect(rig.server.connections).toBe(0);
  });
});

describe('metadata contexts of an NBD server', () => {
  const bitmaps = new Map([
    ['b0', new DirtyBitmap(SIZE, 4096)],
    ['b1', new DirtyBitmap(SIZE, 4096)],
  ]);
  const all = ['base:allocation', 'qemu:dirty-bitmap:b0', 'qemu:dirty-bitmap:b1'];
  const { LIST_META_CONTEXT, SET_META_CONTEXT } = OPTION;

  async function names(client: RigClient, option: number, ...queries: string[]) {
    const answers = await client.option(option, contexts('disk', ...queries));
    expect(answers.at(-1)?.type).toBe(ACK);
    const found = answers.flatMap(({ data }) => (data.kind === 'context' ? [data] : []));
    // Those that are only listed have no numbers.
    const ids = new Set(found.map(({ id }) => id));
    if (option === LIST_META_CONTEXT) expect([...ids].filter((id) => id !== 0)).toEqual([]);
    else expect(ids.size).toBe(found.length);
    return found.map(({ name }) => name);
  }

  it('have to come after structured replies, and are those of an export', async () => {
    const { client } = await greeted({ export: { bitmaps } });
    expect(await types(client, SET_META_CONTEXT, contexts('disk'))).toEqual([ERR_INVALID]);
    await client.option(OPTION.STRUCTURED_REPLY);
    expect(await types(client, SET_META_CONTEXT, contexts('other'))).toEqual([ERR_UNKNOWN]);
    expect(await types(client, SET_META_CONTEXT, hex('00'))).toEqual([ERR_INVALID]);
    expect(await types(client, LIST_META_CONTEXT, contexts('disk'))).toEqual([
      META_CONTEXT,
      META_CONTEXT,
      META_CONTEXT,
      ACK,
    ]);
  });

  it.each([
    [[], all],
    [['base:'], all.slice(0, 1)],
    [['qemu:'], all.slice(1)],
    [['qemu:dirty-bitmap:'], all.slice(1)],
    [
      ['qemu:dirty-bitmap:b1', 'base:allocation', 'x-other:thing'],
      [all[0], all[2]],
    ],
    [['base:other', 'qemu:dirty-bitmap:b', 'nothing'], []],
  ])('lists for %j what matches', async (queries, expected) => {
    const { client } = await greeted({ export: { bitmaps } });
    await client.option(OPTION.STRUCTURED_REPLY);
    expect(await names(client, LIST_META_CONTEXT, ...queries)).toEqual(expected);
  });

  it.each([
    [[], []],
    [['base:', 'qemu:', 'qemu:dirty-bitmap:'], []],
    [['base:allocation', 'base:allocation'], all.slice(0, 1)],
    [['qemu:dirty-bitmap:b1', 'qemu:dirty-bitmap:b9'], all.slice(2)],
  ])('selects for %j what is named', async (queries, expected) => {
    const { client } = await greeted({ export: { bitmaps } });
    await client.option(OPTION.STRUCTURED_REPLY);
    expect(await names(client, SET_META_CONTEXT, ...queries)).toEqual(expected);
  });

  it('are those that were chosen last, for that export', async () => {
    const status = { command: 7, length: 512 };
    const attempts: readonly (readonly [readonly Uint8Array[], number])[] = [
      [[contexts('disk', 'base:allocation')], 0],
      [[contexts('disk', 'base:allocation'), contexts('disk')], 22],
      [[contexts('disk', 'base:allocation'), contexts('other', 'base:allocation')], 22],
      [[contexts('disk', 'base:allocation'), contexts('none', 'base:allocation')], 22],
      [[contexts('disk', 'base:allocation'), hex('00')], 22],
    ];
    for (const [options, error] of attempts) {
      const { rig, client } = await greeted();
      rig.server.add({ id: 'other', node: rig.node, name: 'other' });
      await client.option(OPTION.STRUCTURED_REPLY);
      for (const data of options) await client.option(SET_META_CONTEXT, data);
      await client.option(OPTION.GO, info('disk'));
      expect(await client.ask(status)).toMatchObject({ error });
    }
  });
});

describe('TLS of an NBD server', () => {
  it('is refused where it is not set up', async () => {
    const { client } = await greeted();
    expect(await types(client, OPTION.STARTTLS)).toEqual([ERR_POLICY]);
  });

  it('comes before everything else where it is required', async () => {
    const { client } = await greeted({ tls: { credentials: CREDENTIALS } });
    for (const option of [OPTION.LIST, OPTION.GO, OPTION.STRUCTURED_REPLY, 77]) {
      expect(await types(client, option)).toEqual([ERR_TLS_REQD]);
    }
    client.say(encodeOption(OPTION.EXPORT_NAME, hex('"disk"')));
    expect(client.connection.outcome).toBe('destroyed');
  });

  it('begins everything anew', async () => {
    const { client } = await greeted({ tls: { credentials: CREDENTIALS, required: false } });
    await client.option(OPTION.STRUCTURED_REPLY);
    await client.option(OPTION.SET_META_CONTEXT, contexts('disk', 'base:allocation'));
    expect(await types(client, OPTION.STARTTLS)).toEqual([ACK]);
    await settle();
    expect(client.connection.tls).toEqual({ side: 'server', ...CREDENTIALS });
    expect(await types(client, OPTION.STARTTLS)).toEqual([ERR_INVALID]);
    const early = await types(client, OPTION.SET_META_CONTEXT, contexts('disk'));
    expect(early).toEqual([ERR_INVALID]);
    expect(await types(client, OPTION.STRUCTURED_REPLY)).toEqual([ACK]);
    expect(await types(client, OPTION.GO, info('disk'))).toEqual([INFO_REPLY, INFO_REPLY, ACK]);
    expect(await client.ask({ command: 7, length: 512 })).toMatchObject({ error: 22 });
  });

  it('ends for what somebody has put in before it', async () => {
    const { client } = await greeted({ tls: { credentials: CREDENTIALS } });
    client.say(encodeOption(OPTION.STARTTLS), encodeOption(OPTION.LIST));
    await settle();
    expect(client.connection.outcome).toBe('destroyed');
    expect(client.connection.tls).toBeUndefined();
  });

  it('ends with the server, while it begins', async () => {
    const { rig, client } = await greeted({ tls: { credentials: CREDENTIALS } });
    client.say(encodeOption(OPTION.STARTTLS));
    await rig.server.close();
    expect(client.connection.outcome).toBe('destroyed');
    expect(rig.server.connections).toBe(0);
  });

  it('ends when the two do not agree, and leaves nothing', async () => {
    const { rig, client } = await greeted({ tls: { credentials: CREDENTIALS } });
    client.connection.tlsFailure = new BlockError('EACCES', 'start TLS', 'the test refuses');
    client.say(encodeOption(OPTION.STARTTLS));
    await settle();
    expect(rig.server.connections).toBe(0);
    expect(rig.clock.timers).toBe(0);
  });
});
