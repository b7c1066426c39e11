import { describe, expect, it } from 'vitest';
import { Exit } from '../../src/sync/exit.ts';
import { deferred, settle, watch } from '../support/settle.ts';

const refuse = () => {
  throw new Error('left');
};

describe('an exit', () => {
  it('gives what was waited for, and what it failed with', async () => {
    const exit = new Exit();
    const [good, bad] = [deferred<number>(), deferred<number>()];
    const [first, second] = [exit.wait(good.promise, refuse), exit.wait(bad.promise, refuse)];
    good.resolve(7);
    bad.reject(new Error('failed'));
    expect(await first).toBe(7);
    await expect(second).rejects.toThrow('failed');
  });

  it('gives what is here already at once, also when it is open', () => {
    const exit = new Exit();
    expect(exit.wait(7, refuse)).toBe(7);
    exit.open();
    expect(exit.wait(7, refuse)).toBe(7);
  });

  it('lets all go who wait when it opens, with a result or an error', async () => {
    const exit = new Exit();
    const never = deferred().promise;
    const leaving = exit.wait(never, () => 'left');
    const refused = watch(() => exit.wait(never, refuse));
    exit.open();
    expect(await leaving).toBe('left');
    await settle();
    expect(refused).toMatchObject({ state: 'failed', error: { message: 'left' } });
  });

  it('lets those go at once who come when it is open', async () => {
    const exit = new Exit();
    exit.open();
    expect(await exit.wait(deferred().promise, () => 'left')).toBe('left');
  });

  it('leaves what ends or fails later to nobody', async () => {
    const exit = new Exit();
    const late = deferred<number>();
    const leaving = exit.wait(late.promise, () => 'left');
    exit.open();
    late.reject(new Error('late'));
    expect(await leaving).toBe('left');
    await settle();
  });
});
