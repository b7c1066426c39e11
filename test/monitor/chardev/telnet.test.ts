import { describe, expect, it } from 'vitest';
import { overTelnet } from '../../../src/monitor/chardev/telnet.ts';
import { HandConnection } from '../../support/hand-connection.ts';
import { cutEverywhere, hex } from '../../support/hex.ts';
import { SocketRecorder } from '../../support/socket-recorder.ts';

/** What is heard when the other side says bytes, in pieces. */
function heard(pieces: readonly Uint8Array[]): Uint8Array {
  const connection = new HandConnection();
  const received: number[] = [];
  const data = (some: Uint8Array) => received.push(...some);
  overTelnet(connection).receive({ data, drained() {}, closed() {} });
  for (const piece of pieces) connection.say(piece);
  return Uint8Array.from(received);
}

describe('telnet', () => {
  it('begins with wishes: binary both ways, no echo, each character as it comes', () => {
    const connection = new HandConnection();
    overTelnet(connection).write(hex('41 ff'));
    connection.takeAll();
    expect(connection.hear()).toEqual(hex('ff fb 01 ff fb 03 ff fb 00 ff fd 00 41 ff'));
  });

  // As tcp_chr_process_IAC_bytes() of QEMU 7.2 has it.
  it.each([
    ['61 62 0d 0a', '61 62 0d 0a', 'text'],
    ['61 ff fd 01 62', '61 62', 'a command of three bytes'],
    ['61 ff ff 62', '61 ff 62', 'a byte FF'],
    ['61 ff f3 62', '61 62', 'a break'],
    ['ff fd 01 ff fd 03 61', '61', 'commands one after the other'],
    ['ff f1 61 62', '62', 'a command of two bytes, which takes one more along'],
  ])('hears of %s only %s: %s', (said, expected) => {
    for (const pieces of cutEverywhere(hex(said))) expect(heard(pieces)).toEqual(hex(expected));
  });

  it('tells of the end of the other side, to who wants to know', async () => {
    const connection = new HandConnection();
    const recorder = new SocketRecorder(overTelnet(connection));
    connection.say(hex('ff fd 01'));
    connection.sayEnd();
    expect(connection.outcome).toBe('no');
    connection.close();
    await recorder.happened('closed');
    expect(recorder.events).toEqual(['ended', 'closed']);
    expect(recorder.pieces).toEqual([]);
    const other = new HandConnection();
    overTelnet(other).receive({ data() {}, drained() {}, closed() {} });
    other.sayEnd();
    expect(other.outcome).toBe('ended');
  });
});
