import { describe, expect, it } from 'vitest';
import { Dispatcher } from '../../../src/monitor/dispatcher.ts';
import { HmpSession } from '../../../src/monitor/hmp/session.ts';
import { HandConnection } from '../../support/hand-connection.ts';
import { HmpRig } from '../../support/hmp-rig.ts';
import { type Deferred, deferred, settle } from '../../support/settle.ts';

const GREETING = /^QEMU 7\.2\.\d+ monitor - type 'help' for more information\r\n\(qemu\) $/;

/** The line as it is shown again for each byte that is typed. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what terminals are sent.
const EDITING = /(\(qemu\) )?[^\r\n()]*\x1b\[K/g;

/** A user of a machine whose command `stop` lasts until the test says so. */
class User implements AsyncDisposable {
  readonly stops: Deferred<void>[] = [];
  readonly rig = new HmpRig({
    stop: () => {
      const stop = deferred();
      this.stops.push(stop);
      return stop.promise;
    },
    quit: () => {},
  });
  readonly connection = new HandConnection();
  readonly dispatcher: Dispatcher;
  readonly session: HmpSession;
  closed = 0;

  constructor() {
    const { context } = this.rig;
    const dispatcher = new Dispatcher(context);
    this.dispatcher = dispatcher;
    const onClosed = () => {
      this.closed += 1;
    };
    this.session = new HmpSession(this.connection, { dispatcher, context, onClosed });
  }

  async type(text: string): Promise<string> {
    this.connection.say(Buffer.from(text));
    return this.hear();
  }

  /** @returns What has come, without what only moves the cursor or repeats the line. */
  async hear(): Promise<string> {
    await settle();
    const text = Buffer.from(this.connection.hear()).toString();
    return text.replaceAll(EDITING, '$1');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const stop of this.stops) stop.resolve();
    await this.rig[Symbol.asyncDispose]();
  }
}

describe('a session of the human monitor', () => {
  it('greets, and answers line by line', async () => {
    await using user = new User();
    expect(await user.hear()).toMatch(GREETING);
    expect(await user.type('bogus\r')).toBe("\r\nunknown command: 'bogus'\r\n(qemu) ");
    expect(await user.type('\n')).toBe('\r\n(qemu) ');
    expect(await user.type('info history\r')).toBe(
      "\r\n0: 'bogus'\r\n1: 'info history'\r\n(qemu) ",
    );
    expect(await user.type('é\r')).toBe("\r\nunknown command: 'é'\r\n(qemu) ");
  });

  it('takes what is typed meanwhile when a command is over', async () => {
    await using user = new User();
    await user.hear();
    expect(await user.type('stop\rbogus\r')).toBe('\r\n');
    expect(user.connection.isPaused).toBe(true);
    user.stops[0]?.resolve();
    expect(await user.hear()).toBe("(qemu) \r\nunknown command: 'bogus'\r\n(qemu) ");
    expect(user.connection.isPaused).toBe(false);
  });

  it('completes', async () => {
    await using user = new User();
    await user.hear();
    user.rig.context.machine.drives.add({ name: 'disk0' });
    user.rig.context.machine.drives.add({ name: 'disk1' });
    expect(await user.type('info block \t')).toContain('disk0     disk1     \r\n');
  });

  it('says no more when it has been told to quit', async () => {
    await using user = new User();
    await user.hear();
    expect(await user.type('quit\rbogus\r')).toBe('\r\n');
    expect(user.rig.asked).toEqual([['quit', {}]]);
  });

  it('reads no more while its user does not read', async () => {
    await using user = new User();
    await user.hear();
    user.connection.takes = false;
    await user.type('a'.repeat(600));
    expect(user.connection.isPaused).toBe(true);
    expect(user.connection.pendingBytes).toBeLessThan(2 * 64 * 1024);
    user.connection.takes = true;
    user.connection.takeAll();
    await settle();
    expect(user.connection.isPaused).toBe(false);
  });

  it('carries nothing out for a user who has gone', async () => {
    await using user = new User();
    await user.type('stop\rstop\r');
    user.connection.close();
    await settle();
    expect(user.closed).toBe(1);
    user.stops[0]?.resolve();
    await settle();
    expect(user.stops).toHaveLength(1);
  });

  it('carries nothing out for a user who has gone while others had their turn', async () => {
    await using user = new User();
    const { promise, resolve } = deferred();
    user.dispatcher.enqueue({ serveNext: () => promise });
    await user.type('stop\r');
    user.connection.close();
    await settle();
    resolve();
    await settle();
    expect(user.stops).toHaveLength(0);
  });

  it('ends when it is closed', async () => {
    await using user = new User();
    user.session.close();
    await settle();
    expect([user.connection.outcome, user.closed]).toEqual(['ended', 1]);
  });
});
