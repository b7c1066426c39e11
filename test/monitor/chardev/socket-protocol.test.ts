import { expect, it } from 'vitest';
import { socketProtocol } from '../../../src/monitor/chardev/socket-protocol.ts';
import { HandConnection } from '../../support/hand-connection.ts';

const credentials = { type: 'psk', keys: 'qemu:00' } as const;

it('is bytes and nothing more by default', async () => {
  const connection = new HandConnection();
  const protocol = socketProtocol({ side: 'server' });
  expect(protocol.name).toBe('tcp');
  expect(await protocol.begin(connection)).toBe(connection);
  expect([connection.tls, connection.writes]).toEqual([undefined, 0]);
});

it('begins with TLS, as the side that this is', async () => {
  const connection = new HandConnection();
  const given = { side: 'client', credentials, serverName: 'host' } as const;
  expect(await socketProtocol(given).begin(connection)).toBe(connection);
  expect(connection.tls).toEqual({ ...credentials, side: 'client', serverName: 'host' });
});

it('has telnet under TLS', async () => {
  const connection = new HandConnection();
  const protocol = socketProtocol({ side: 'server', credentials, telnet: true });
  expect(protocol.name).toBe('telnet');
  connection.tlsFailure = new Error('no');
  await expect(protocol.begin(connection)).rejects.toThrow('no');
  expect(connection.writes).toBe(0);
  connection.tlsFailure = undefined;
  expect(await protocol.begin(connection)).not.toBe(connection);
  expect(connection.writes).toBe(1);
});
