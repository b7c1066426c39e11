import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeEnv } from '../../../src/env/node.ts';
import type { Streams } from '../../../src/env/streams.ts';
import { TlsCredentialStore } from '../../../src/machine/tls-credentials.ts';
import { Chardevs } from '../../../src/monitor/chardev/chardevs.ts';
import { readChardev } from '../../../src/monitor/chardev/options.ts';
import { parseOptionList } from '../../../src/wire/options/option-list.ts';
import { HandConnection } from '../../support/hand-connection.ts';
import { watch } from '../../support/settle.ts';
import { SocketRecorder } from '../../support/socket-recorder.ts';
import { withFolder } from '../../support/temporary.ts';

const streams: Streams = {
  stdio: () => new HandConnection(),
  file: () => new HandConnection(),
  pipe: () => new HandConnection(),
};

class Rig {
  readonly reports: string[] = [];
  readonly env = nodeEnv();
  readonly credentials = new TlsCredentialStore(this.env.files);
  readonly chardevs: Chardevs;

  constructor({ hasStdio = true } = {}) {
    const report = (text: string) => this.reports.push(text);
    const { env, credentials } = this;
    this.chardevs = new Chardevs({ env, credentials, streams, report, hasStdio });
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

  it('speak under TLS with those alone who have the key', () =>
    withFolder(async (folder) => {
      const rig = new Rig();
      const { sockets } = rig.env;
      const keys = `qemu:${'12'.repeat(16)}\n`;
      await writeFile(join(folder, 'keys.psk'), keys);
      const options = { 'qom-type': 'tls-creds-psk', dir: folder } as const;
      for (const endpoint of ['client', 'server'] as const) {
        await rig.credentials.add(endpoint, { ...options, endpoint });
      }
      const inet = 'socket,id=m,host=127.0.0.1,port=0,server=on,wait=off';
      const reason = 'Expected TLS credentials for a server endpoint';
      await expect(rig.add(`${inet},tls-creds=client`)).rejects.toMatchObject({ reason });
      const onUnix = `socket,id=m,path=${folder}/s,server=on,wait=off,tls-creds=server`;
      const incompatible = "'tls_creds' option is incompatible with 'unix' address type";
      await expect(rig.add(onUnix)).rejects.toMatchObject({ reason: incompatible });
      const made = await rig.add(`${inet},tls-creds=server`);
      made.attach((connection, onClosed) => {
        connection.receive({
          data: (bytes) => connection.write(bytes.slice()),
          drained() {},
          closed: onClosed,
        });
        return { close: () => connection.end() };
      });
      const port = Number(/\d+(?=,server)/.exec(made.filename)?.[0]);
      const meet = async (own: string) => {
        const plain = await sockets.connect({ type: 'inet', host: '127.0.0.1', port });
        return plain.startTls({ side: 'client', type: 'psk', keys: own });
      };
      await expect(meet(`qemu:${'34'.repeat(16)}\n`)).rejects.toThrow();
      const secured = await meet(keys);
      const recorder = new SocketRecorder(secured);
      secured.write(new TextEncoder().encode('hello'));
      await recorder.received(5);
      expect(recorder.bytes.toString()).toBe('hello');
      secured.destroy();
      await rig.chardevs.close();
    }));

  it.each([
    ['socket,id=a,path=p,wait=on', "'wait' option is incompatible with socket in client connect"],
    ['socket,id=a,path=p,server=on,reconnect=3', "'reconnect' option is incompatible with socket"],
    ['socket,id=a,fd=3,reconnect=3', "'reconnect' option is incompatible with 'fd' address type"],
    ['socket,id=a,path=p,server=on,tn3270=on', "'tn3270' option is not supported"],
    ['socket,id=a,path=p,server=on,websocket=on', "'websocket' option is not supported"],
    ['socket,id=a,path=p,websocket=on', 'Websocket client is not implemented'],
    ['socket,id=a,path=p,tls-creds=none', "No TLS credentials with id 'none'"],
    ['socket,id=a,path=p,tls-authz=z', "'tls_authz' option requires 'tls_creds' option"],
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
