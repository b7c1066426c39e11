import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { runNode } from './processes.ts';

function run(script: string, secondsMax = 60) {
  return runNode({ args: ['--eval', script], folder: tmpdir(), secondsMax });
}

describe('a process', () => {
  it('ends well or badly, and what it said is kept', async () => {
    expect(await run('console.log(5)')).toMatchObject({ how: 'well', output: '5\n' });
    expect(await run('console.log(5); process.exitCode = 1')).toMatchObject({ how: 'badly' });
  });

  it('ends badly when it waits for what never comes', async () => {
    const { how } = await runNode({
      args: ['--input-type=module', '--eval', 'await new Promise(() => {})'],
      folder: tmpdir(),
      secondsMax: 60,
    });
    expect(how).toBe('badly');
  });

  it('is ended when it goes round in circles', async () => {
    expect(await run('for (;;) {}', 0.5)).toMatchObject({ how: 'too late' });
  });
});
