import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { nodeSockets } from '../../src/env/node-sockets.ts';
import { connectTo } from '../../src/env/socket-texts.ts';

describe('connectTo()', () => {
  it("says where it cannot connect to, in QEMU's words", async () => {
    const address = { type: 'unix', path: '/no/where' } as const;
    const connecting = connectTo(address, () => nodeSockets.connect(address));
    await expect(connecting).rejects.toMatchObject({
      code: 'ENOENT',
      reason: "Failed to connect to '/no/where': No such file or directory",
      message: 'Cannot connect to "/no/where": No such file or directory',
    });
  });

  it('says when a path is too long, or a name leads nowhere', async () => {
    const path = `/${'p'.repeat(200)}`;
    const long = { type: 'unix', path } as const;
    await expect(connectTo(long, () => nodeSockets.connect(long))).rejects.toMatchObject({
      reason: `UNIX socket path '${path}' is too long`,
    });
    const cause = Object.assign(new Error('lookup'), { syscall: 'getaddrinfo' });
    const unknown = new BlockError('EHOSTUNREACH', 'connect', 'no such name', { cause });
    const host = { type: 'inet', host: 'h', port: 1 } as const;
    await expect(connectTo(host, () => Promise.reject(unknown))).rejects.toMatchObject({
      reason: 'address resolution failed for h:1: no such name',
    });
  });
});
