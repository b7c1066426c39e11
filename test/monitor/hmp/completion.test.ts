import { describe, expect, it } from 'vitest';
import { hmpCommands } from '../../../src/monitor/hmp/commands/index.ts';
import { completeLine } from '../../../src/monitor/hmp/completion.ts';

function complete(line: string) {
  return completeLine(line, { commands: hmpCommands, drives: ['sda', 'sdb', 'vda'] });
}

describe('completeLine()', () => {
  it.each([
    ['block_job_c', ['block_job_cancel', 'block_job_complete'], 11],
    ['qu', ['quit'], 2],
    ['info block', ['block', 'block-jobs', 'blockstats'], 5],
    ['help st', ['stop'], 2],
    ['help info na', ['name'], 2],
    ['info block s', ['sda', 'sdb'], 1],
    ['info block -v ', ['sda', 'sdb', 'vda'], 0],
    ['drive_mirror ', ['sda', 'sdb', 'vda'], 0],
    ['block_job_cancel -f v', ['vda'], 1],
    ['block_resize sda ', [], 0],
    ['quit ', [], 0],
    ['info bogus ', [], 0],
    ['qemu-io sda "', [], 0],
  ])('finds what %j may go on with', (line, choices, length) => {
    expect(complete(line)).toEqual({ choices, length });
  });

  it('begins with all commands, under all of their names', () => {
    const { choices } = complete('');
    expect(choices).toEqual([...choices].sort());
    expect(choices).toEqual(expect.arrayContaining(['?', 'help', 'q', 'quit', 'info']));
  });
});
