import { describe, expect, it } from 'vitest';
import { runMain } from '../../support/fake-io.ts';

describe('the options of mirrordisk serve', () => {
  it.each([
    ['', 'It takes an image, and was given "" "a.img"'],
    ['--socket s --port 5', '--socket does not go with --port and --host'],
    ['--socket s --host ::1', '--socket does not go with --port and --host'],
    ['--port 65536', '--port must be a whole number from 0 to 65535: "65536"'],
    ['--port nbd', '--port must be a whole number'],
    ['--max-connections 0', '--max-connections must be above 0: "0"'],
    ['--tls require', '--tls needs --tls-certificates or --tls-psk'],
    ['--tls-psk p --tls maybe', '--tls must be require or on: "maybe"'],
    ['--tls-psk p --tls-certificates c', '--tls-certificates does not go with --tls-psk'],
    ['--tls-psk p --tls-verify-peer', '--tls-verify-peer needs --tls-certificates'],
    ['--then switch', '--then needs a --mirror'],
    ['--force', '--force needs a --mirror'],
    ['--speed 1M', '--speed needs a --mirror'],
    ['--mirror t --then stop', '--then must be switch, finish, complete or cancel: "stop"'],
    ['--mirror t --replicate 5', '--replicate needs a --then'],
  ])('refuses "%s" with a reason', async (args, reason) => {
    const given = args === '' ? [''] : args.split(' ');
    const { exitCode, stderr } = await runMain(['serve', ...given, 'a.img']);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(reason)]);
  });

  it('explains itself within 80 columns', async () => {
    const { exitCode, stdout } = await runMain(['serve', '--help']);
    expect(exitCode).toBe(0);
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });
});
