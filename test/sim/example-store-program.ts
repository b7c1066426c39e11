/** The program that tests the store of `example-store.ts`: what is put, and what must be there. */

import type { SimulateOptions } from '../../src/sim/index.ts';
import { KEYS, Store, type StoreBug } from './example-store.ts';

/** What whoever uses the store knows. */
interface Model {
  /** What was acknowledged. */
  readonly values: string[];
  /** What is being put. */
  batch: readonly (readonly [key: number, value: string])[];
}

/** A store with some bug, or none, that is used by someone who puts two keys at a time. */
export function storeProgram(bug?: StoreBug): SimulateOptions<Model> {
  return {
    disk: { size: 17 * 512 },
    model: () => ({ values: new Array(KEYS).fill(''), batch: [] }),

    async guest({ disk, model, note }) {
      const store = await Store.open(disk, bug);
      for (const word of ['one', 'two']) {
        model.batch = [
          [0, word],
          [1, word],
        ];
        await store.put(model.batch);
        for (const [key, value] of model.batch) model.values[key] = value;
        model.batch = [];
        note(`${word} is acknowledged`);
      }
    },

    async recover({ disk }) {
      await Store.open(disk, bug);
    },

    async check({ disk, model }) {
      const store = await Store.open(disk, bug);
      const found = await Promise.all(Array.from(model.values.keys(), (key) => store.get(key)));
      const [before, after] = [model.values, model.values.slice()];
      for (const [key, value] of model.batch) after[key] = value;
      if (same(found, before) || same(found, after)) return;
      const [holds, had, meant] = [found, before, after].map(describe);
      throw new Error(`the store holds ${holds}, not ${had}, and not ${meant}`);
    },
  };
}

function describe(values: readonly string[]): string {
  const present = [...values.entries()].filter(([, value]) => value !== '');
  return present.map(([key, value]) => `${key}=${value}`).join(' ') || 'nothing';
}

function same(left: readonly string[], right: readonly string[]): boolean {
  return left.every((value, at) => value === right[at]);
}
