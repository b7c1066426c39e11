import { describe, expect, it } from 'vitest';
import { Crew, type Hand } from '../../src/cli/sim-crew.ts';
import { type Deferred, deferred, settle } from '../support/settle.ts';

/** A hand that ends its task when the test says so. */
class SlowHand implements Hand<string, string> {
  task: string | undefined;
  isClosed = false;
  stops = 0;
  #end: Deferred<string> = deferred<string>();
  #onProgress: (result: string) => void = () => {};

  do(task: string, onProgress: (result: string) => void): Promise<string> {
    this.task = task;
    this.#onProgress = onProgress;
    this.#end = deferred<string>();
    return this.#end.promise.finally(() => {
      this.task = undefined;
    });
  }

  /** Half of what it was at is its result. */
  stop(): void {
    this.stops += 1;
    this.#end.resolve(`${this.task} in part`);
  }

  progress(): void {
    this.#onProgress(`${this.task} so far`);
  }

  async finish(result = this.task ?? ''): Promise<void> {
    this.#end.resolve(result);
    await settle();
  }

  async fail(error: Error): Promise<void> {
    this.#end.reject(error);
    await settle();
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}

/** A crew at work on these tasks; a result that ends in `!` is the last that counts. */
async function atWork(tasks: readonly string[]) {
  const hands = [new SlowHand(), new SlowHand()] as const;
  const results: string[] = [];
  const shown: (readonly string[])[] = [];
  const crew = new Crew<string, string>({
    hands,
    taskAt: (index) => tasks[index],
    isEnd: (result) => result.endsWith('!'),
    onResult: (result) => results.push(result),
    onProgress: (underWay) => shown.push(underWay),
  });
  const ended = crew.run();
  ended.catch(() => {});
  await settle();
  return { crew, hands, results, shown, ended };
}

describe('a crew', () => {
  it('tells results in the order of the tasks, whoever is faster', async () => {
    const { hands, results, ended } = await atWork(['a', 'b', 'c']);
    const [one, other] = hands;
    await other.finish();
    expect(other.task).toBe('c');
    await other.finish();
    expect(results).toEqual([]);
    await one.finish();
    await ended;
    expect(results).toEqual(['a', 'b', 'c']);
    expect(hands.every(({ isClosed }) => isClosed)).toBe(true);
  });

  it('stops what is behind the end, and does what is before it', async () => {
    const { hands, results, ended } = await atWork(['a', 'b', 'c', 'd']);
    const [one, other] = hands;
    await other.finish('b!');
    expect([one.task, one.stops, other.task]).toEqual(['a', 0, undefined]);
    await one.finish();
    await ended;
    expect(results).toEqual(['a', 'b!']);
  });

  it('takes the first end in the order of the tasks for the end', async () => {
    const { hands, results, ended } = await atWork(['a', 'b', 'c']);
    const [one, other] = hands;
    await other.finish('b!');
    await one.finish('a!');
    await ended;
    expect(results).toEqual(['a!']);
  });

  it('stops who is at a later task than the end', async () => {
    const { hands, results, ended } = await atWork(['a', 'b', 'c']);
    const [one, other] = hands;
    await one.finish('a!');
    await ended;
    expect([other.stops, results]).toEqual([1, ['a!']]);
  });

  it('ends with what was found so far when it is stopped', async () => {
    const { crew, hands, results, ended } = await atWork(['a', 'b', 'c']);
    await hands[0].finish();
    crew.stop();
    await ended;
    expect(results).toEqual(['a', 'b in part', 'c in part']);
  });

  it('tells what is under way', async () => {
    const { hands, shown, crew, ended } = await atWork(['a', 'b']);
    hands[1].progress();
    hands[0].progress();
    expect(shown).toEqual([['b so far'], ['a so far', 'b so far']]);
    crew.stop();
    await ended;
  });

  it('rejects with what a task failed with, and leaves nobody at work', async () => {
    const { hands, ended } = await atWork(['a', 'b', 'c']);
    await hands[1].fail(new RangeError('no'));
    await expect(ended).rejects.toThrow('no');
    expect(hands.map(({ isClosed, task }) => [isClosed, task])).toEqual([
      [true, undefined],
      [true, undefined],
    ]);
  });
});
