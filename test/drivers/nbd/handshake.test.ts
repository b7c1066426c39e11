import { describe, expect, it } from 'vitest';
import { BlockError } from '../../../src/base/errors.ts';
import {
  EXPORT_FLAG,
  HANDSHAKE_FLAG,
  OPTION,
  OPTION_REPLY,
} from '../../../src/wire/nbd/constants.ts';
import { encodeExportNameReply, encodeGreeting } from '../../../src/wire/nbd/greeting.ts';
import {
  encodeInfo,
  encodeMetaContext,
  encodeOptionReply,
  encodeServer,
} from '../../../src/wire/nbd/option-replies.ts';
import { pattern } from '../../support/drivers.ts';
import { NbdRig, type Script, USUAL_FLAGS } from '../../support/nbd-rig.ts';
import { watch } from '../../support/settle.ts';

const { FIXED_NEWSTYLE, NO_ZEROES } = HANDSHAKE_FLAG;
const ACK = OPTION_REPLY.ACK;

/** Opens the disk of a server that says this, and reads it. */
async function open(script: Partial<Script>, options: object = {}) {
  const rig = new NbdRig(script);
  try {
    const node = await rig.open(options);
    rig.server.bytes.set(pattern(512));
    const found = new Uint8Array(512);
    await rig.until(node.read(0, found));
    expect(Buffer.compare(found, pattern(512))).toBe(0);
    const status = await rig.until(node.blockStatus(0, 512));
    return { options: rig.server.options, limits: node.limits, size: node.size, status };
  } finally {
    await rig.close();
  }
}

/** @returns How opening fails. */
async function refusal(script: Partial<Script>, options: object = {}): Promise<BlockError> {
  const error = await open(script, options).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(BlockError);
  return error as BlockError;
}

/** A server that does not know some options. */
function lacking(...lacked: readonly number[]): Script['option'] {
  return (option) =>
    lacked.includes(option) ? [encodeOptionReply(option, OPTION_REPLY.ERR_UNSUP)] : undefined;
}

function refusing(refused: number, type: number, text = ''): Script['option'] {
  const data = new TextEncoder().encode(text);
  return (option) => (option === refused ? [encodeOptionReply(option, type, data)] : undefined);
}

describe('handshake of an NBD client', () => {
  it('takes the best that there is', async () => {
    const { options, status } = await open({});
    const { EXTENDED_HEADERS, STRUCTURED_REPLY, SET_META_CONTEXT, GO } = OPTION;
    expect(options).toEqual([EXTENDED_HEADERS, STRUCTURED_REPLY, SET_META_CONTEXT, GO]);
    expect(status.data).toBe(true);
    expect((await open({ extended: true })).options).toEqual([
      ...[EXTENDED_HEADERS, SET_META_CONTEXT, GO],
    ]);
  });

  it('understands a server that says it byte by byte', async () => {
    const rig = new NbdRig();
    rig.sockets.conditions.fragment = () => 1;
    expect((await rig.open()).size).toBe(65_536);
    await rig.close();
  });

  it('does without block status', async () => {
    const { status } = await open({ option: lacking(OPTION.SET_META_CONTEXT) });
    expect(status).toEqual({ length: 512, data: true, zero: false, allocated: true });
    const none: Script['option'] = (option) =>
      option === OPTION.SET_META_CONTEXT ? [encodeOptionReply(option, ACK)] : undefined;
    expect((await open({ option: none })).status.data).toBe(true);
  });

  it('goes by the block sizes of the server, and else by sectors', async () => {
    const sizes = { minimum: 2048, preferred: 4096, maximum: 10_000 };
    expect((await open({ sizes })).limits).toMatchObject({ alignment: 2048, transferMax: 8192 });
    const told = await open({ sizes: undefined });
    expect(told.limits).toMatchObject({ alignment: 512, transferMax: 32 * 1024 * 1024 });
    const odd = await open({ sizes: undefined, size: 1000 });
    expect(odd.limits).toMatchObject({ alignment: 1 });
    expect((await open({ extended: true })).limits.zeroesMax).toBeUndefined();
  });

  it('is content with EXPORT_NAME where there is no GO', async () => {
    const { SET_META_CONTEXT, GO, LIST } = OPTION;
    const { options } = await openSimple(lacking(OPTION.STRUCTURED_REPLY, GO, LIST));
    expect(options.slice(-3)).toEqual([GO, LIST, OPTION.EXPORT_NAME]);
    expect(options).not.toContain(SET_META_CONTEXT);
  });

  it('says which export is missing, where only LIST can tell', async () => {
    const names = ['one', ''];
    const listing: Script['option'] = (option, data) => {
      if (option !== OPTION.LIST) return lacking(OPTION.STRUCTURED_REPLY, OPTION.GO)(option, data);
      const servers = names.map((name) => encodeServer({ name, description: '' }));
      const replies = servers.map((told) => encodeOptionReply(option, OPTION_REPLY.SERVER, told));
      return [...replies, encodeOptionReply(option, ACK)];
    };
    await openSimple(listing);
    const error = await refusal({ option: listing }, { export: 'two' });
    expect(error).toMatchObject({
      code: 'ENOENT',
      reason: "No export with name 'two' available",
    });
  });

  it('says EXPORT_NAME at once to a server of the newstyle that is not fixed', async () => {
    const rig = new NbdRig({ greeting: encodeGreeting(NO_ZEROES) });
    const node = await rig.open();
    expect(rig.server.options).toEqual([OPTION.EXPORT_NAME]);
    expect(node.size).toBe(65_536);
    await rig.close();
  });

  it('takes the zeroes of a server that cannot leave them out', async () => {
    const reply = encodeExportNameReply({ size: 65_536, flags: 1 }, { noZeroes: false });
    const option: Script['option'] = (given) =>
      given === OPTION.EXPORT_NAME
        ? [reply]
        : lacking(OPTION.STRUCTURED_REPLY, OPTION.GO)(given, reply);
    const rig = new NbdRig({ greeting: encodeGreeting(FIXED_NEWSTYLE), option });
    expect((await rig.open()).size).toBe(65_536);
    await rig.close();
  });

  it('understands the oldstyle, which has no names and no TLS', async () => {
    const greeting = new Uint8Array(152);
    const start = '4e42444d41474943' + '0000420281861253' + '0000000000010000' + '00000003';
    greeting.set(Buffer.from(start, 'hex'));
    const rig = new NbdRig({ greeting });
    const node = await rig.open({ 'read-only': true });
    expect(node.size).toBe(65_536);
    await rig.close();
    const named = await refusal({ greeting }, { export: 'disk' });
    expect(named.reason).toBe('Server does not support non-empty export names');
  });
});

/** Opens without structured replies; the scripted server answers reads only with them. */
async function openSimple(option: Script['option']) {
  const rig = new NbdRig({ option });
  await rig.open();
  const { options } = rig.server;
  await rig.close();
  return { options };
}

describe('handshake that cannot succeed', () => {
  it.each<[number, number, string, string]>([
    [OPTION.GO, OPTION_REPLY.ERR_UNKNOWN, 'ENOENT', 'Requested export not available'],
    [
      OPTION.GO,
      OPTION_REPLY.ERR_TLS_REQD,
      'EACCES',
      'TLS negotiation required before option 7 (go); did you forget a valid tls-creds?',
    ],
    [
      OPTION.STRUCTURED_REPLY,
      OPTION_REPLY.ERR_POLICY,
      'EACCES',
      'Denied by server for option 8 (structured reply)',
    ],
    [
      OPTION.GO,
      OPTION_REPLY.ERR_SHUTDOWN,
      'ESHUTDOWN',
      'Server shutting down before option 7 (go)',
    ],
    [
      OPTION.GO,
      OPTION_REPLY.ERR_BLOCK_SIZE_REQD,
      'EINVAL',
      'Server requires INFO_BLOCK_SIZE for option 7 (go)',
    ],
    [OPTION.GO, 0x8000_0077, 'EINVAL', 'Unknown error code when asking for option 7 (go)'],
  ])('says why: option %i, reply %i', async (option, type, code, reason) => {
    const silent = await refusal({ option: refusing(option, type) });
    expect(silent).toMatchObject({ code, reason });
    const spoken = await refusal({ option: refusing(option, type, 'it is Sunday') });
    expect(spoken).toMatchObject({ code, reason });
    expect(spoken.message).toContain(`${reason} (server reported: it is Sunday)`);
  });

  it('tells the server that it goes', async () => {
    const rig = new NbdRig({ option: refusing(OPTION.GO, OPTION_REPLY.ERR_UNKNOWN) });
    await expect(rig.open()).rejects.toMatchObject({ code: 'ENOENT' });
    await rig.close();
    expect(rig.server.options.at(-1)).toBe(OPTION.ABORT);
  });

  it('refuses to write to an export that is read-only', async () => {
    const flags = USUAL_FLAGS | EXPORT_FLAG.READ_ONLY;
    const error = await refusal({ flags });
    expect(error).toMatchObject({ code: 'EACCES', reason: 'NBD export is read-only' });
    await open({ flags }, { 'read-only': true });
  });

  it.each<[string, Partial<Script>]>([
    ['is not a power of two', { sizes: { minimum: 3, preferred: 4096, maximum: 8192 } }],
    ['larger than 65536', { sizes: { minimum: 131_072, preferred: 131_072, maximum: 262_144 } }],
    ['preferred block size 256', { sizes: { minimum: 512, preferred: 256, maximum: 8192 } }],
    ['maximum block size 100', { sizes: { minimum: 512, preferred: 512, maximum: 100 } }],
    ['not multiple of minimum block size 512', { size: 1000, sizes: { ...sizesOf(512) } }],
  ])('refuses what no disk can be made of: %s', async (reason, script) => {
    expect((await refusal(script)).reason).toContain(reason);
  });

  it('refuses a disk that is too large', async () => {
    const option: Script['option'] = (given) =>
      given === OPTION.GO
        ? [
            encodeOptionReply(
              given,
              OPTION_REPLY.INFO,
              encodeInfo({ kind: 'export', size: 2 ** 63, flags: 1 }),
            ),
            encodeOptionReply(given, ACK),
          ]
        : undefined;
    expect((await refusal({ option })).reason).toBe('the export is larger than any disk');
  });

  it.each<[string, Partial<Script>]>([
    [
      'not the greeting of an NBD server',
      { greeting: new TextEncoder().encode('HTTP/1.1 400 Bad') },
    ],
    ['its magic is wrong', { option: () => [new Uint8Array(600_000).fill(0x41)] }],
    ['it replied to option 12 instead of 11', { option: (o) => [encodeOptionReply(o + 1, ACK)] }],
    ['it did not tell the size', { option: (o) => [encodeOptionReply(o, ACK)] }],
    ['a reply to option 11 has the type 999', { option: (o) => [encodeOptionReply(o, 999)] }],
    ['it sent more than an answer', { option: trailing }],
    ['"qemu:allocation-depth", which nobody asked for', { option: otherContext }],
    ['its replies to an option do not end', { option: endless }],
  ])('ends when the server breaks the protocol: %s', async (reason, script) => {
    const error = await refusal(script);
    expect(error).toMatchObject({ code: 'EPROTO' });
    expect(error.reason).toContain(reason);
  });

  it.each<[string, Partial<Script>]>([
    ['not greet', { greeting: new Uint8Array(0) }],
    ['end the greeting', { greeting: encodeGreeting(FIXED_NEWSTYLE).subarray(0, 17) }],
    ['reply', { option: () => [] }],
  ])('does not wait for ever for a server that does not %s', async (_, script) => {
    const rig = new NbdRig(script);
    await rig.listen();
    const opened = watch(() => rig.connect());
    await rig.clock.advance(29_000);
    expect(opened.state).toBe('pending');
    await rig.clock.advance(2000);
    expect(opened.error).toMatchObject({ code: 'ETIMEDOUT' });
    await rig.close();
  });

  it('says that the server has gone', async () => {
    const rig = new NbdRig();
    rig.server.script.option = () => {
      rig.server.drop();
      return [];
    };
    const error = await rig.open().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: expect.stringMatching(/ECONNRESET/) });
    await rig.close();
  });

  it('does not take for TLS what a server said before it', async () => {
    const option: Script['option'] = (given) =>
      given === OPTION.STARTTLS ? [encodeOptionReply(given, ACK), pattern(5)] : undefined;
    const error = await refusal({ option }, { 'tls-creds': 'tls0' });
    expect(error).toMatchObject({ code: 'EPROTO' });
    expect(error.reason).toContain('it sent more than an answer');
  });

  it('does not go on without TLS when the server has none', async () => {
    for (const greeting of [undefined, encodeGreeting(NO_ZEROES)]) {
      const error = await refusal(greeting ? { greeting } : {}, { 'tls-creds': 'tls0' });
      expect(error).toMatchObject({
        code: 'EACCES',
        reason: 'Server does not support STARTTLS',
      });
    }
  });
});

function sizesOf(minimum: number) {
  return { minimum, preferred: minimum, maximum: 65_536 };
}

function trailing(option: number): readonly Uint8Array[] | undefined {
  if (option !== OPTION.GO) return undefined;
  const told = encodeInfo({ kind: 'export', size: 65_536, flags: 1 });
  const info = encodeOptionReply(option, OPTION_REPLY.INFO, told);
  return [info, encodeOptionReply(option, ACK), pattern(5)];
}

function otherContext(option: number): readonly Uint8Array[] | undefined {
  if (option !== OPTION.SET_META_CONTEXT) return undefined;
  const context = encodeMetaContext({ id: 1, name: 'qemu:allocation-depth' });
  const chosen = encodeOptionReply(option, OPTION_REPLY.META_CONTEXT, context);
  return [chosen, encodeOptionReply(option, ACK)];
}

function endless(option: number): readonly Uint8Array[] | undefined {
  if (option !== OPTION.GO) return undefined;
  const told = encodeInfo({ kind: 'export', size: 65_536, flags: 1 });
  const info = encodeOptionReply(option, OPTION_REPLY.INFO, told);
  return Array.from({ length: 10_100 }, () => info);
}
