import { describe, expect, it } from 'vitest';
import { nodeEnv } from '../../src/env/node.ts';
import { Machine } from '../../src/machine/machine.ts';
import { Dispatcher, type Waiting } from '../../src/monitor/dispatcher.ts';
import { monitorContext } from '../support/monitor-rig.ts';
import { deferred, settle } from '../support/settle.ts';

describe('a dispatcher', () => {
  it('has one command done at a time, and lets clients take turns', async () => {
    const dispatcher = new Dispatcher(monitorContext(new Machine(nodeEnv()), {}));
    const served: string[] = [];
    const gate = deferred();
    const client = (name: string): Waiting => {
      let left = 3;
      const self = {
        async serveNext() {
          served.push(name);
          await gate.promise;
          left -= 1;
          if (left > 0) dispatcher.enqueue(self);
        },
      };
      return self;
    };
    dispatcher.enqueue(client('a'));
    dispatcher.enqueue(client('b'));
    await settle();
    expect(served).toEqual(['a']);
    gate.resolve();
    await settle();
    expect(served.join('')).toBe('ababab');
  });

  it('knows no command that is not in its registry', async () => {
    const dispatcher = new Dispatcher(monitorContext(new Machine(nodeEnv()), {}));
    const asked = { kind: 'command', arguments: {}, id: undefined, outOfBand: false } as const;
    expect(await dispatcher.execute({ ...asked, name: 'toString' })).toMatchObject({
      error: { class: 'CommandNotFound' },
    });
  });
});
