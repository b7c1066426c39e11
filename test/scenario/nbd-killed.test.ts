import { truncateSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeEnv } from '../../src/env/node.ts';
import { openDisk } from '../../src/index.ts';
import { runGuest } from '../../src/workload/guest.ts';
import { startCli } from '../support/cli.ts';
import { pattern } from '../support/drivers.ts';
import { withFolder } from '../support/temporary.ts';

const SIZE = 16 * 1024 * 1024;
/** `MIRRORDISK_KILLS=100` for a long run. */
const KILLS = Number(process.env['MIRRORDISK_KILLS'] ?? 5);
/** How long a server lives once it listens, in milliseconds. */
const LIFE_MS = 120;

describe('a replication whose server is killed and started again and again', () => {
  it(
    'ends with an identical target, and the guest never notices',
    () =>
      withFolder(async (folder) => {
        const [source, copy] = [join(folder, 'disk.img'), join(folder, 'copy.img')];
        const socket = join(folder, 'nbd.sock');
        await writeFile(source, pattern(SIZE));
        await writeFile(copy, '');
        truncateSync(copy, SIZE);
        const start = async () => {
          const server = startCli(['serve', copy, '--socket', socket]);
          await server.printed(/^serving/);
          return server;
        };
        let server = await start();
        await using disk = await openDisk(source);
        const address = { type: 'unix', path: socket };
        const target = { driver: 'nbd', server: address, 'reconnect-delay': 60 };
        const mirror = await disk.mirror(target, { speed: SIZE / 4 });
        const options = { pattern: 'random', blockSize: 4096, readShare: 0.2, seed: 1 } as const;
        const load = { requestsPerSecond: 200, queueDepth: 8 };
        const guest = runGuest(disk.device, nodeEnv().clock, { ...options, ...load });
        for (let kill = 0; kill < KILLS; kill += 1) {
          await new Promise((resolve) => setTimeout(resolve, LIFE_MS));
          server.signal('SIGKILL');
          await server.ended;
          server = await start();
        }
        mirror.setSpeed(0);
        await mirror.ready;
        await guest.stop();
        expect(guest.statistics()).toMatchObject({ errors: 0, mismatches: { count: 0 } });
        expect(await mirror.finish()).toEqual({ status: 'completed', switched: false });
        server.signal('SIGTERM');
        expect((await server.ended).exitCode).toBe(0);
        expect(Buffer.compare(await readFile(source), await readFile(copy))).toBe(0);
      }),
    30_000 + KILLS * 15_000,
  );
});
