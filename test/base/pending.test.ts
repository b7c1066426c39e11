import { describe, expect, it } from 'vitest';
import { ending, after as goOn } from '../../src/base/pending.ts';
import { deferred, settle } from '../support/settle.ts';

describe('after()', () => {
  it('goes on at once from what is there, and later from what is on its way', async () => {
    expect(goOn(1, (value) => value + 1)).toBe(2);
    const { promise, resolve } = deferred<number>();
    const result = goOn(promise, (value) => value + 1);
    expect(result).toBeInstanceOf(Promise);
    resolve(1);
    expect(await result).toBe(2);
  });
});

describe('ending()', () => {
  it('ends what completes at once before it returns', () => {
    const told: string[] = [];
    expect(
      ending(
        () => 'value',
        () => told.push('end'),
      ),
    ).toBe('value');
    expect(told).toEqual(['end']);
  });

  it('ends what throws, which is thrown on', () => {
    const told: string[] = [];
    const fails = () => {
      throw new Error('no');
    };
    expect(() => ending(fails, () => told.push('end'))).toThrow('no');
    expect(told).toEqual(['end']);
  });

  it.each(['resolves', 'rejects'] as const)('ends what %s, and not before', async (how) => {
    const told: string[] = [];
    const { promise, resolve, reject } = deferred<number>();
    const result = ending(
      () => promise,
      () => told.push('end'),
    );
    await settle();
    expect(told).toEqual([]);
    if (how === 'resolves') {
      resolve(1);
      expect(await result).toBe(1);
    } else {
      reject(new Error('no'));
      await expect(result).rejects.toThrow('no');
    }
    expect(told).toEqual(['end']);
  });
});
