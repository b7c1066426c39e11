import { describe, expect, it } from 'vitest';
import { COMMAND, EXPORT_FLAG, NBD_ERROR } from '../../../src/wire/nbd/constants.ts';
import { encodeOffsetData, encodeSimpleReply } from '../../../src/wire/nbd/replies.ts';
import { pattern } from '../../support/drivers.ts';
import { NbdRig, USUAL_FLAGS } from '../../support/nbd-rig.ts';
import { watch } from '../../support/settle.ts';

describe('link to an NBD server that is lost', () => {
  it('repeats what was in flight, and what came meanwhile, in the order of before', async () => {
    const rig = new NbdRig();
    const listener = await rig.listen();
    const node = await rig.until(rig.connect({ 'reconnect-delay': 10 }));
    const { server, clock } = rig;
    server.script.answer = () => [];
    const into = new Uint8Array(512);
    const requests = [node.write(0, pattern(512, 1)), node.write(512, pattern(512, 2))];
    await clock.advance(10);
    expect(server.requests.length).toBe(2);
    await listener.close();
    server.drop();
    await clock.advance(3000);
    requests.push(node.write(0, pattern(512, 3)), node.read(512, into));
    await clock.advance(3000);
    server.script.answer = () => undefined;
    await rig.listen();
    await rig.until(Promise.all(requests));
    expect(server.requests.slice(2).map(({ offset }) => offset)).toEqual([0, 512, 0, 512]);
    expect(Buffer.compare(server.bytes.subarray(0, 512), pattern(512, 3))).toBe(0);
    expect(Buffer.compare(into, pattern(512, 2))).toBe(0);
    await rig.close();
  });

  it('fails what waits when the delay is over, then all at once, until it is back', async () => {
    const rig = new NbdRig();
    const listener = await rig.listen();
    const node = await rig.until(rig.connect({ 'reconnect-delay': 5 }));
    await listener.close();
    rig.server.drop();
    await rig.clock.advance(10);
    const early = watch(() => node.write(0, pattern(512)));
    await rig.clock.advance(4900);
    expect(early.state).toBe('pending');
    await rig.clock.advance(100);
    expect(early.error).toMatchObject({ code: 'EIO' });
    expect(String(early.error)).toContain(
      'Cannot write 512 bytes at 0 over NBD: there is no connection',
    );
    const late = watch(() => node.flush());
    await rig.clock.advance(0);
    expect(late.error).toMatchObject({ code: 'EIO' });
    await rig.listen();
    await rig.clock.advance(16_000);
    await rig.until(node.write(0, pattern(512)));
    await rig.close();
  });

  it('fails at once without a delay, and goes on when the server is back', async () => {
    const rig = new NbdRig();
    const node = await rig.open();
    rig.server.script.answer = () => [];
    const lost = watch(() => node.read(0, new Uint8Array(512)));
    await rig.clock.advance(10);
    rig.server.script.answer = () => undefined;
    rig.server.drop();
    await rig.clock.advance(10);
    expect(lost.error).toMatchObject({ code: 'EIO' });
    await rig.until(node.read(0, new Uint8Array(512)));
    expect(rig.server.visits).toBe(2);
    await rig.close();
  });

  it('pauses longer and longer between attempts, until the server answers', async () => {
    const rig = new NbdRig();
    const node = await rig.open({ 'reconnect-delay': 600 });
    const { server, clock } = rig;
    server.script.answer = () => {
      server.drop();
      return [];
    };
    const request = watch(() => node.flush());
    await clock.advance(60_000);
    // 0, 0.1, 0.3, 0.7, 1.5, 3.1, 6.3, 12.7, 25.5, 41.5, 57.5 seconds after the first loss.
    expect(server.visits).toBe(12);
    server.script.answer = () => undefined;
    await clock.advance(16_000);
    expect(request.state).toBe('done');
    server.drop();
    await clock.advance(10);
    expect(server.visits).toBe(14);
    await rig.close();
  });

  it('does not let a server that never answers put the end of the delay off', async () => {
    const rig = new NbdRig();
    const node = await rig.open({ 'reconnect-delay': 5 });
    rig.server.script.answer = () => {
      rig.server.drop();
      return [];
    };
    const request = watch(() => node.flush());
    await rig.clock.advance(20_000);
    expect(request.error).toMatchObject({ code: 'EIO' });
    rig.server.script.answer = () => undefined;
    await rig.close();
  });

  it('waits again when it is lost again, though nobody asked for anything in between', async () => {
    const rig = new NbdRig();
    let listener = await rig.listen();
    const node = await rig.until(rig.connect({ 'reconnect-delay': 5 }));
    for (const restart of [1, 2]) {
      await listener.close();
      rig.server.drop();
      await rig.clock.advance(10);
      const request = restart === 2 ? watch(() => node.flush()) : undefined;
      await rig.clock.advance(1000);
      listener = await rig.listen();
      await rig.clock.advance(20_000);
      if (request) expect(request.state).toBe('done');
    }
    await rig.close();
  });

  it('does not wait again for a server that was silent until the delay was over', async () => {
    const rig = new NbdRig({ answer: () => [] });
    const node = await rig.open({ 'reconnect-delay': 5 });
    const request = watch(() => node.flush());
    await rig.clock.advance(10);
    rig.server.drop();
    await rig.clock.advance(6000);
    expect(request.state).toBe('pending');
    rig.server.drop();
    await rig.clock.advance(10);
    expect(request.error).toMatchObject({ code: 'EIO' });
    await rig.close();
  });

  it('takes a server that shuts down for lost', async () => {
    const rig = new NbdRig();
    const node = await rig.open({ 'reconnect-delay': 5 });
    let refusals = 1;
    rig.server.script.answer = (request) => {
      refusals -= 1;
      return refusals < 0 ? undefined : [encodeSimpleReply(request, NBD_ERROR.ESHUTDOWN)];
    };
    await rig.until(node.write(0, pattern(512)));
    expect(rig.server.visits).toBe(2);
    expect(Buffer.compare(rig.server.bytes.subarray(0, 512), pattern(512))).toBe(0);
    await rig.close();
  });

  it.each([
    ['the export has 32768 bytes now, and had 65536', { size: 32_768 }],
    ['the export is read-only now', { flags: USUAL_FLAGS | EXPORT_FLAG.READ_ONLY }],
    ['the server does not offer FUA any more', { flags: USUAL_FLAGS & ~EXPORT_FLAG.SEND_FUA }],
    [
      'the server demands other block sizes now',
      { sizes: { minimum: 512, preferred: 4096, maximum: 65_536 } },
    ],
  ])('refuses a server of which it must say: %s', async (text, change) => {
    const rig = new NbdRig();
    const node = await rig.open({ 'reconnect-delay': 5 });
    const before = { ...rig.server.script };
    Object.assign(rig.server.script, change);
    rig.server.drop();
    await rig.clock.advance(10);
    const refused = watch(() => node.flush());
    await rig.clock.advance(6000);
    expect(String(refused.error)).toContain(text);
    Object.assign(rig.server.script, before);
    await rig.clock.advance(16_000);
    await rig.until(node.flush());
    await rig.close();
  });

  it('is over when the server breaks the protocol', async () => {
    const rig = new NbdRig();
    const node = await rig.open({ 'reconnect-delay': 5 });
    rig.server.script.answer = () => [pattern(40)];
    const requests = [watch(() => node.flush()), watch(() => node.flush())];
    await rig.clock.advance(10);
    for (const { error } of requests) expect(error).toMatchObject({ code: 'EPROTO' });
    await rig.clock.advance(60_000);
    expect(rig.server.visits).toBe(1);
    await expect(rig.until(node.flush())).rejects.toMatchObject({ code: 'EPROTO' });
    await rig.close();
  });

  it('closes while it tries to connect, without waiting', async () => {
    const rig = new NbdRig();
    await rig.open({ 'reconnect-delay': 600 });
    rig.sockets.conditions.latencyMs = 1000;
    rig.server.drop();
    // It has seen that by now, and knocks.
    await rig.clock.advance(1500);
    const closed = watch(() => rig.graph.closeAll());
    await rig.clock.advance(0);
    expect(closed.state).toBe('done');
    await rig.clock.advance(1000);
    expect(rig.server.visits).toBe(2);
    await rig.close();
  });

  it('closes while it shakes hands, without waiting', async () => {
    const rig = new NbdRig();
    await rig.open({ 'reconnect-delay': 600 });
    rig.server.script.greeting = new Uint8Array(0);
    rig.server.drop();
    await rig.clock.advance(1500);
    expect(rig.server.visits).toBe(2);
    const closed = watch(() => rig.graph.closeAll());
    await rig.clock.advance(0);
    expect(closed.state).toBe('done');
    await rig.close();
  });

  it('reads anew what had come in part', async () => {
    const rig = new NbdRig();
    const node = await rig.open({ 'reconnect-delay': 5 });
    rig.server.bytes.set(pattern(4096));
    rig.server.script.answer = (request) => {
      const range = { offset: 0, length: 1000 };
      rig.clock.after(5, () => {
        rig.server.script.answer = () => undefined;
        rig.server.drop();
      });
      const header = encodeOffsetData(request, 0, { extended: false }, range);
      return [header, new Uint8Array(1000).fill(0xee)];
    };
    const into = new Uint8Array(4096);
    await rig.until(node.read(0, into));
    expect(Buffer.compare(into, pattern(4096))).toBe(0);
    expect(rig.server.visits).toBe(2);
    await rig.close();
  });
});

describe('link to an NBD server whose requests are cancelled', () => {
  it('cancels what is in flight and what waits, and carries out what comes later', async () => {
    const rig = new NbdRig();
    const node = await rig.open();
    rig.server.script.answer = () => [];
    const into = new Uint8Array(512).fill(1);
    // More than are in flight at a time.
    const requests = Array.from({ length: 100 }, () => watch(() => node.read(0, into)));
    await rig.clock.advance(10);
    expect(rig.server.requests.length).toBeLessThan(100);
    node.cancelInFlight();
    await rig.clock.advance(0);
    for (const { error } of requests) expect(error).toMatchObject({ code: 'ECANCELED' });
    rig.server.script.answer = () => undefined;
    await rig.until(node.write(0, pattern(512)));
    expect(rig.server.requests.at(-1)).toMatchObject({ command: COMMAND.WRITE });
    expect(into.every((byte) => byte === 1)).toBe(true);
    await rig.close();
  });

  it('cancels what waits for the server to come back', async () => {
    const rig = new NbdRig();
    const listener = await rig.listen();
    const node = await rig.until(rig.connect({ 'reconnect-delay': 600 }));
    await listener.close();
    rig.server.drop();
    await rig.clock.advance(10);
    const request = watch(() => node.write(0, pattern(512)));
    await rig.clock.advance(1000);
    node.cancelInFlight();
    await rig.clock.advance(0);
    expect(request.error).toMatchObject({ code: 'ECANCELED' });
    await rig.close();
  });

  it('fails what comes after that when the server is not there any more', async () => {
    const rig = new NbdRig();
    const listener = await rig.listen();
    const node = await rig.until(rig.connect());
    rig.server.script.answer = () => [];
    const cancelled = watch(() => node.flush());
    await rig.clock.advance(10);
    await listener.close();
    node.cancelInFlight();
    await expect(rig.until(node.flush())).rejects.toMatchObject({ code: 'EIO' });
    expect(cancelled.error).toMatchObject({ code: 'ECANCELED' });
    await rig.close();
  });
});
