import { describe, expect, it } from 'vitest';
import { ClientRequest } from '../../../src/drivers/nbd/client-request.ts';
import { Transmission } from '../../../src/drivers/nbd/transmission.ts';
import { COMMAND } from '../../../src/wire/nbd/constants.ts';
import { encodeSimpleReply } from '../../../src/wire/nbd/replies.ts';
import { pattern } from '../../support/drivers.ts';
import { HandConnection } from '../../support/hand-connection.ts';
import { settle, watch } from '../../support/settle.ts';

const KiB = 1024;
const LENGTH = 64 * KiB;
const DATA = pattern(LENGTH);
/** That of the first request: its serial number, and its slot, which is the last. */
const COOKIE = { cookieHigh: 1, cookieLow: 63 };

/** A transmission that has asked for 64 KiB, and has been told that they come. */
function reading() {
  const connection = new HandConnection();
  const style = { structured: false, extended: false };
  const terms = { size: LENGTH, flags: 1, style, context: undefined, sizes: undefined };
  const transmission = new Transmission(connection, terms, {
    freed: () => {},
    lost: (_, error) => request.fail(error),
  });
  const into = new Uint8Array(LENGTH);
  const request = new ClientRequest({
    ...{ command: COMMAND.READ, flags: 0, offset: 0, length: LENGTH },
    into,
  });
  transmission.send(request);
  const reply = watch(() => request.completed);
  connection.say(encodeSimpleReply(COOKIE, 0));
  return { connection, transmission, into, reply };
}

describe('much data of a read', () => {
  it('is received where it belongs, as long as there is much left', async () => {
    const { connection, transmission, into, reply } = reading();
    expect(transmission.place()?.buffer).toBe(into.buffer);
    connection.say(DATA.subarray(0, 1000));
    expect(connection.sayPlaced(DATA.subarray(1000, 30 * KiB))).toBe(29 * KiB + 24);
    expect(connection.sayPlaced(DATA.subarray(30 * KiB, 50 * KiB))).toBe(20 * KiB);
    expect(transmission.place()).toBeUndefined();
    expect(reply.state).toBe('pending');
    connection.say(DATA.subarray(50 * KiB));
    await settle();
    expect(reply.state).toBe('done');
    expect(Buffer.compare(into, DATA)).toBe(0);
  });

  it('may come somewhere else all the same', async () => {
    const { connection, transmission, into, reply } = reading();
    expect(transmission.place()).toBeDefined();
    connection.say(DATA.subarray(0, 40 * KiB));
    connection.say(DATA.subarray(40 * KiB));
    await settle();
    expect(reply.state).toBe('done');
    expect(Buffer.compare(into, DATA)).toBe(0);
  });

  it('has no place any more when the connection is given up', () => {
    const { transmission } = reading();
    transmission.destroy();
    expect(transmission.place()).toBeUndefined();
  });
});
