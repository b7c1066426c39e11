import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeEnv } from '../../../src/env/node.ts';
import type { Streams } from '../../../src/env/streams.ts';
import { Chardevs } from '../../../src/monitor/chardev/chardevs.ts';
import { readChardev } from '../../../src/monitor/chardev/options.ts';
import { parseOptionList } from '../../../src/wire/options/option-list.ts';
import { HandConnection } from '../../support/hand-connection.ts';
import { watch } from '../../support/settle.ts';
import { withFolder } from '../../support/temporary.ts';

const streams: Streams = {
  stdio: () => new HandConnection(),
  file: () => new HandConnection(),
  pipe: () => new HandConnection(),
};

class Rig {
  readonly reports: string[] = [];
  readonly env = nodeEnv();
  readonly chardevs: Chardevs;

  constructor({ hasStdio = true } = {}) {
    const report = (text: string) => this.reports.push(text);
    this.chardevs = new Chardevs({ env: this.env, streams, report, hasStdio });
  }

  add(text: string) {
    const request = readChardev(parseOptionList(text, { impliedName: 'backend' }));
    return this.chardevs.add({ ...request, origin: 'command line' });
  }
}

describe('the chardevs of a monitor', () => {
  it('are found by their ids until they are removed', async () => {
    const rig = new Rig();
    const { chardevs } = rig;
    const made = await rig.add('null,id=n');
    expect(chardevs.find('n')).toBe(made);
    await chardevs.remove('n');
    expect(chardevs.all).toEqual([]);
    const reason = 'chardev "n" not found';
    expect(() => chardevs.find('n')).toThrow(expect.objectContaining({ reason }));
    await expect(chardevs.remove('n')).rejects.toMatchObject({ reason: "Chardev 'n' not found" });
  });

  it('have an id each', async () => {
    const rig = new Rig();
    await rig.add('null,id=n');
    const reason = "attempt to add duplicate property 'n' to object (type 'container')";
    await expect(rig.add('null,id=n')).rejects.toMatchObject({ code: 'EEXIST', reason });
  });

  it('are not removed while somebody uses them', async () => {
    const rig = new Rig();
    const made = await rig.add('file,id=f,path=p');
    made.attach((connection) => ({ close: () => connection.end() }));
    const error = { code: 'EBUSY', reason: "Chardev 'f' is busy" };
    await expect(rig.chardevs.remove('f')).rejects.toMatchObject(error);
  });

  it('are at standard input and output once, and not at all in the background', async () => {
    const rig = new Rig();
    await rig.add('stdio,id=a');
    const twice = 'cannot use stdio by multiple character devices';
    await expect(rig.add('stdio,id=b')).rejects.toMatchObject({ reason: twice });
    const behind = new Rig({ hasStdio: false }).add('stdio,id=a');
    const reason = 'cannot use stdio with -daemonize';
    await expect(behind).rejects.toMatchObject({ reason });
  });

  it('wait for a first client where they are to', async () => {
    await withFolder(async (folder) => {
      const rig = new Rig();
      const path = join(folder, 'mon.sock');
      const added = watch(() => rig.add(`socket,id=m,path=${path},server=on`));
      await expect.poll(() => rig.reports).toHaveLength(1);
      expect(rig.reports[0]).toContain(`connection on: disconnected:unix:${path},server=on`);
      expect(added.state).toBe('pending');
      const client = await rig.env.sockets.connect({ type: 'unix', path });
      await expect.poll(() => added.state).toBe('done');
      expect(rig.chardevs.find('m').filename).toBe(`unix:${path},server=on`);
      client.destroy();
      await rig.chardevs.close();
    });
  });

  it.each([
    ['socket,id=a,path=p,wait=on', "'wait' option is incompatible with socket in client connect"],
    ['socket,id=a,path=p,server=on,reconnect=3', "'reconnect' option is incompatible with socket"],
    ['socket,id=a,fd=3,reconnect=3', "'reconnect' option is incompatible with 'fd'"],
    ['socket,id=a,path=p,server=on,telnet=on', "'telnet' option is not supported"],
    ['socket,id=a,path=p,abstract=on', 'Abstract Unix sockets are not supported'],
    ['null,id=a,logfile=f', "'logfile' option is not supported"],
    ['socket,id=a,path=/nowhere/s', "Failed to connect to '/nowhere/s': No such file or directory"],
    ['socket,id=a,path=/nowhere/s,server=on', 'Failed to bind socket to /nowhere/s: No such file'],
  ])('are not made of "%s"', async (text, reason) => {
    const rig = new Rig();
    await expect(rig.add(text)).rejects.toMatchObject({ reason: expect.stringContaining(reason) });
    expect(rig.chardevs.all).toEqual([]);
  });
});
