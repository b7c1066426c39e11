import { describe, expect, it } from 'vitest';
import { Channel } from '../../src/sync/channel.ts';
import { settle } from '../support/settle.ts';

async function taken<T>(channel: Channel<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const value of channel) values.push(value);
  return values;
}

describe('Channel', () => {
  it('gives what was pushed before and during the iteration, and ends when closed', async () => {
    const channel = new Channel<number>({ lengthMax: 10 });
    channel.push(1);
    channel.push(2);
    const values = taken(channel);
    await settle();
    channel.push(3);
    await settle();
    channel.push(4);
    channel.close();
    channel.push(5);
    expect(await values).toEqual([1, 2, 3, 4]);
  });

  it('drops the oldest when the consumer is too far behind', async () => {
    const channel = new Channel<number>({ lengthMax: 3 });
    for (let value = 1; value <= 5; value += 1) channel.push(value);
    channel.close();
    expect(await taken(channel)).toEqual([3, 4, 5]);
  });

  it('ends an iteration that waits when it is closed', async () => {
    const channel = new Channel<number>({ lengthMax: 3 });
    const values = taken(channel);
    await settle();
    channel.close();
    expect(await values).toEqual([]);
  });
});
