import { describe, expect, it } from 'vitest';
import { COMMAND, COMMAND_FLAG, EXPORT_FLAG, NBD_ERROR } from '../../../src/wire/nbd/constants.ts';
import { encodeSimpleReply } from '../../../src/wire/nbd/replies.ts';
import { pattern } from '../../support/drivers.ts';
import { NbdRig, type Script, USUAL_FLAGS } from '../../support/nbd-rig.ts';
import { watch } from '../../support/settle.ts';

const { FUA, NO_HOLE, FAST_ZERO } = COMMAND_FLAG;
const { SEND_FLUSH, SEND_FUA, SEND_TRIM, SEND_WRITE_ZEROES, SEND_FAST_ZERO } = EXPORT_FLAG;

/** Opens the disk of a server that is asked for things by `body`. */
async function withDisk(
  script: Partial<Script>,
  body: (rig: NbdRig, node: Awaited<ReturnType<NbdRig['open']>>) => Promise<void>,
) {
  const rig = new NbdRig(script);
  await body(rig, await rig.open());
  await rig.close();
}

describe('disk of an NBD server', () => {
  it('asks for zeroes as its caller wants them', () =>
    withDisk({ flags: USUAL_FLAGS | SEND_FAST_ZERO }, async (rig, node) => {
      await rig.until(node.writeZeroes(0, 512));
      await rig.until(node.writeZeroes(0, 512, { mayUnmap: true, forceUnitAccess: true }));
      await rig.until(node.writeZeroes(0, 512, { mayUnmap: true, noFallback: true }));
      const flags = rig.server.requests.map((request) => request.flags);
      expect(flags).toEqual([NO_HOLE, FUA, FAST_ZERO]);
    }));

  it('cannot zero fast where the server does not offer it', () =>
    withDisk({}, async (rig, node) => {
      const zeroed = rig.until(node.writeZeroes(0, 512, { noFallback: true }));
      await expect(zeroed).rejects.toMatchObject({ code: 'ENOTSUP' });
      expect(rig.server.requests).toEqual([]);
    }));

  it('is written zeroes where the server has no zeroes, or no fast ones', async () => {
    await withDisk({ flags: USUAL_FLAGS & ~SEND_WRITE_ZEROES }, async (rig, node) => {
      await rig.until(node.writeZeroes(0, 512));
      expect(rig.server.requests.map(({ command }) => command)).toEqual([COMMAND.WRITE]);
    });
    const refuse = (request: { command: number; cookieHigh: number; cookieLow: number }) =>
      request.command === COMMAND.WRITE_ZEROES
        ? [encodeSimpleReply(request, NBD_ERROR.ENOTSUP)]
        : undefined;
    await withDisk({ answer: refuse }, async (rig, node) => {
      await rig.until(node.writeZeroes(0, 512));
      const commands = rig.server.requests.map(({ command }) => command);
      expect(commands).toEqual([COMMAND.WRITE_ZEROES, COMMAND.WRITE]);
    });
  });

  it('is flushed after a write where the server has no FUA', () =>
    withDisk({ flags: USUAL_FLAGS & ~SEND_FUA }, async (rig, node) => {
      await rig.until(node.write(0, pattern(512), { forceUnitAccess: true }));
      const sent = rig.server.requests.map(({ command, flags }) => [command, flags]);
      expect(sent).toEqual([
        [COMMAND.WRITE, 0],
        [COMMAND.FLUSH, 0],
      ]);
    }));

  it('asks nothing of a server that it does not offer', () =>
    withDisk({ flags: USUAL_FLAGS & ~(SEND_FLUSH | SEND_TRIM) }, async (rig, node) => {
      await rig.until(node.flush());
      await rig.until(node.discard(0, 4096));
      expect(rig.server.requests).toEqual([]);
    }));

  it('keeps a bounded number of requests in flight, and the others in order', () =>
    withDisk({ answer: () => [] }, async (rig, node) => {
      const writes = Array.from({ length: 200 }, (_, index) =>
        watch(() => node.write(64 * index, pattern(64))),
      );
      await rig.clock.advance(100);
      expect(rig.server.requests.length).toBe(64);
      rig.server.script.answer = () => undefined;
      for (const request of rig.server.requests) rig.server.say([encodeSimpleReply(request, 0)]);
      await rig.clock.advance(100);
      expect(writes.every(({ state }) => state === 'done')).toBe(true);
      const offsets = rig.server.requests.map(({ offset }) => offset);
      expect(offsets).toEqual(Array.from({ length: 200 }, (_, index) => 64 * index));
    }));

  it('keeps a bounded number of bytes in flight', async () => {
    const MiB = 1024 * 1024;
    const sizes = { minimum: 1, preferred: 4096, maximum: 32 * MiB };
    await withDisk({ size: 200 * MiB, sizes, answer: () => [] }, async (rig, node) => {
      const buffer = new Uint8Array(24 * MiB);
      const reads = Array.from({ length: 5 }, () => watch(() => node.read(0, buffer)));
      await rig.clock.advance(100);
      expect(rig.server.requests.length).toBe(2);
      rig.server.script.answer = () => undefined;
      for (const request of rig.server.requests.slice()) {
        rig.server.say(rig.server.carryOut(request, buffer.subarray(0, 0)));
      }
      await rig.clock.advance(10_000);
      expect(reads.every(({ state }) => state === 'done')).toBe(true);
    });
  });

  it('takes leave of the server when it closes', async () => {
    const rig = new NbdRig();
    await rig.open();
    await rig.close();
    expect(rig.server.leaves).toBe(1);
  });

  it('closes also when the server does not end the connection', async () => {
    const rig = new NbdRig();
    await rig.open();
    rig.sockets.partition();
    const closed = watch(() => rig.graph.closeAll());
    await rig.clock.advance(900);
    expect(closed.state).toBe('pending');
    await rig.clock.advance(200);
    expect(closed.state).toBe('done');
    rig.sockets.heal();
    await rig.close();
  });

  it('is opened as soon as the server is there, for as long as its options say', async () => {
    const rig = new NbdRig();
    const opened = watch(() => rig.connect({ 'open-timeout': 10 }));
    await rig.clock.advance(5000);
    expect(opened.state).toBe('pending');
    await rig.listen();
    await rig.clock.advance(5000);
    expect(opened.state).toBe('done');
    await rig.close();
    const alone = new NbdRig();
    const failed = watch(() => alone.connect({ 'open-timeout': 10 }));
    await alone.clock.advance(9900);
    expect(failed.state).toBe('pending');
    await alone.clock.advance(200);
    expect(failed.error).toMatchObject({ code: 'ENOENT' });
    await alone.close();
  });

  it('is opened at once or not at all by default', async () => {
    const rig = new NbdRig();
    const failed = watch(() => rig.connect());
    await rig.clock.advance(10);
    expect(failed.error).toMatchObject({ code: 'ENOENT' });
    await rig.close();
  });
});
