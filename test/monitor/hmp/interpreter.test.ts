import { describe, expect, it } from 'vitest';
import { BlockError } from '../../../src/base/errors.ts';
import { MonitorError } from '../../../src/monitor/command.ts';
import {
  defineHmpCommand,
  type HmpAction,
  type HmpCommand,
} from '../../../src/monitor/hmp/command.ts';
import { HmpRig } from '../../support/hmp-rig.ts';

function command(name: string, run: () => undefined | 'over' | Promise<undefined>): HmpAction {
  return defineHmpCommand({
    name,
    parameters: 'word:s?',
    usage: '[word]',
    help: 'for the test',
    run: async ({ word }, { print }) => {
      print(`${name} ${word}\n`);
      return run();
    },
  });
}

function failing(error: unknown): () => never {
  return () => {
    throw error;
  };
}

const inner = command('inner', () => undefined);
const commands: readonly HmpCommand[] = [
  command('verb|v', () => undefined),
  command('last', () => 'over'),
  command('refused', failing(new BlockError('EIO', 'do it', 'the reason'))),
  command('missing', failing(new MonitorError('DeviceNotFound', 'no such device'))),
  command('wrong', failing(new Error('a fault of the program'))),
  { ...command('family', () => undefined), commands: [inner] },
];

async function type(line: string): Promise<string> {
  await using rig = new HmpRig();
  const printed = await rig.type(line, { commands });
  return printed;
}

describe('interpret()', () => {
  it.each([
    ['', ''],
    ['  ', ''],
    ['verb', 'verb|v undefined\n'],
    [' v x', 'verb|v x\n'],
    ['last', 'last undefined\n(over)'],
    ['refused', 'refused undefined\nError: the reason\n'],
    ['missing', 'missing undefined\nError: no such device\n'],
    ['family', 'family undefined\n'],
    [' family  inner x', 'inner x\n'],
    ['bogus x', "unknown command: 'bogus'\n"],
    [' bogus', "unknown command: ' bogus'\n"],
    ['family  bogus x', "unknown command: 'family  bogus'\n"],
    ['family/x', "unknown command: 'family'\n"],
    ['/', "unknown command: ''\n"],
    [
      'verb x y',
      'verb|v: extraneous characters at the end of line\nTry "help verb" for more information\n',
    ],
    [
      'family inner  x y',
      'inner: extraneous characters at the end of line\n' +
        'Try "help family inner" for more information\n',
    ],
  ])('carries out %j', async (line, printed) => {
    expect(await type(line)).toBe(printed);
  });

  it('takes no fault of the program for an answer', async () => {
    await expect(type('wrong')).rejects.toThrow('a fault of the program');
  });
});
