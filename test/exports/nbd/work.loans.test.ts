import { connect, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { seededRandom } from '../../../src/base/random.ts';
import { BlockNode } from '../../../src/block/node.ts';
import { type Disk, openDisk } from '../../../src/index.ts';
import { COMMAND, OPTION } from '../../../src/wire/nbd/constants.ts';
import { encodeClientFlags } from '../../../src/wire/nbd/greeting.ts';
import { encodeOption } from '../../../src/wire/nbd/options.ts';
import { encodeRequest } from '../../../src/wire/nbd/requests.ts';
import { pattern } from '../../support/drivers.ts';
import { ServerRig, SIZE, type Wish } from '../../support/nbd-server-rig.ts';
import { withServed } from '../../support/served.ts';

const KiB = 1024;
const PART = 256 * KiB;
const PARTS = 4;
const SECTOR = 512;

/** Keeps account of what nodes lend. */
class Loans {
  made = 0;
  open = 0;

  constructor() {
    const { lend } = BlockNode.prototype;
    const account = this;
    const spy = vi.spyOn(BlockNode.prototype, 'lend').mockImplementation(function (
      this: BlockNode,
      offset,
      length,
    ) {
      const loan = lend.call(this, offset, length);
      return loan && account.note(loan.parts, () => loan.end());
    });
    onTestFinished(() => spy.mockRestore());
  }

  note(parts: readonly Uint8Array[], goOn: () => void) {
    this.made += 1;
    this.open += 1;
    const end = () => {
      this.open -= 1;
      goOn();
    };
    return { parts, end };
  }

  async reach(isReached: (loans: this) => boolean): Promise<void> {
    await vi.waitFor(() => expect(isReached(this)).toBe(true), { timeout: 5000 });
  }
}

describe('a long read', () => {
  const styles: readonly Wish[] = [{}, { structured: true }, { extended: true }];

  it.each(styles)('is answered with what the disk lends, in the style of %o', async (wish) => {
    const rig = new ServerRig();
    const end = vi.fn();
    const parts = [pattern(40_000, 7), pattern(60_000, 9)];
    Object.assign(rig.disk, { lend: () => ({ parts, end }) });
    const client = await rig.open(wish);
    client.send({ offset: 512, length: 100_000 });
    expect(end).toHaveBeenCalledTimes(0);
    const [reply] = await client.replies();
    const [chunk] = reply?.chunks ?? [];
    const data = chunk?.kind === 'data' ? chunk.data : reply?.data;
    expect(data && Buffer.compare(data, Buffer.concat(parts))).toBe(0);
    expect(end).toHaveBeenCalledTimes(1);
    expect(rig.disk.operations).not.toContain('read');
  });

  it('is a read where the disk lends nothing, and is only near for CACHE', async () => {
    const rig = new ServerRig();
    const lend = vi.fn();
    Object.assign(rig.disk, { lend });
    const client = await rig.open();
    const { data = pattern(0) } = await client.ask({ length: SIZE });
    expect(Buffer.compare(data, rig.disk.bytes)).toBe(0);
    expect(lend).toHaveBeenCalledTimes(1);
    await client.ask({ command: COMMAND.CACHE, length: SIZE });
    await client.ask({ length: 64 * KiB });
    expect(lend).toHaveBeenCalledTimes(1);
    expect(rig.disk.operations).toEqual(['read', 'read', 'read']);
  });
});

/** What clients have written, all of it the number of a round. */
class Rounds {
  begun = 0;
  done = 0;

  async write(clients: readonly Disk[], disk: Disk): Promise<void> {
    const random = seededRandom(4);
    while (this.begun < 40) {
      this.begun += 1;
      const bytes = (length: number) => new Uint8Array(length).fill(this.begun);
      const writes = clients.flatMap((client) =>
        Array.from({ length: PARTS }, (_, part) => client.write(part * PART, bytes(PART))),
      );
      for (let count = 0; count < 20; count += 1) {
        const sector = random.below((PARTS * PART) / SECTOR);
        writes.push(disk.write(sector * SECTOR, bytes(SECTOR)));
      }
      await Promise.all(writes);
      this.done = this.begun;
    }
  }

  /** Each sector is wholly of one round: one that was under way, or the last that was done. */
  async check(client: Disk, offset: number): Promise<void> {
    const oldest = this.done;
    const found = await client.read(offset, PART);
    for (let at = 0; at < PART; at += SECTOR) {
      const sector = found.subarray(at, at + SECTOR);
      const round = sector[0] ?? 0;
      if (round >= oldest && round <= this.begun && sector.every((byte) => byte === round))
        continue;
      throw new Error(`at ${offset + at} is ${round}, between rounds ${oldest} and ${this.begun}`);
    }
  }
}

describe('a memory disk that many use', () => {
  it('shows each client every sector as it was at one moment', () =>
    withServed({ driver: 'memory', size: PARTS * PART }, async (uri, disk) => {
      const loans = new Loans();
      const place = vi.spyOn(BlockNode.prototype, 'place');
      onTestFinished(() => place.mockRestore());
      await disk.write(0, new Uint8Array(PARTS * PART));
      await using writer = await openDisk(uri);
      await using reader = await openDisk(uri);
      const rounds = new Rounds();
      const writing = rounds.write([writer], disk);
      while (rounds.done < 40) {
        const offsets = Array.from({ length: PARTS }, (_, part) => part * PART);
        await Promise.all(offsets.map((offset) => rounds.check(reader, offset)));
      }
      await writing;
      expect(loans.made).toBeGreaterThan(40);
      await loans.reach(({ open }) => open === 0);
      expect(place.mock.results.filter(({ value }) => value).length).toBeGreaterThan(80);
    }));

  it.each(['the client', 'the server'])('has nothing lent any more when %s goes', (who) =>
    withServed({ driver: 'memory', size: PARTS * PART }, async (uri, disk) => {
      const loans = new Loans();
      await disk.write(0, pattern(PARTS * PART));
      const socket = connect(new URL(uri).searchParams.get('socket') ?? '');
      onTestFinished(() => void socket.destroy());
      askWithoutTaking(socket);
      await loans.reach(({ open }) => open > 0);
      if (who === 'the client') socket.destroy();
      else await disk.close();
      await loans.reach(({ open }) => open === 0);
    }),
  );
});

/** Asks for much, and reads nothing of what comes. */
function askWithoutTaking(socket: Socket): void {
  const request = { flags: 0, command: COMMAND.READ, cookieHigh: 0, cookieLow: 0 };
  const reads = Array.from({ length: 20 }, () =>
    encodeRequest({ ...request, offset: 0, length: PART }, { extended: false }),
  );
  socket.pause();
  socket.write(encodeClientFlags(3));
  socket.write(encodeOption(OPTION.EXPORT_NAME));
  for (const read of reads) socket.write(read);
}
