import { describe, expect, it } from 'vitest';
import { completeLine } from '../../src/cli/qmp-completion.ts';
import { ServerSchema } from '../../src/monitor/server-schema.ts';

const SCHEMA = new ServerSchema([
  { name: 'job-pause', 'meta-type': 'command', 'arg-type': '1' },
  { name: 'job-cancel', 'meta-type': 'command', 'arg-type': '1' },
  { name: 'quit', 'meta-type': 'command', 'arg-type': '0' },
  { name: '0', 'meta-type': 'object', members: [] },
  {
    name: '1',
    'meta-type': 'object',
    members: [
      { name: 'id', type: 'str' },
      { name: 'mode', type: '2' },
    ],
  },
  { name: '2', 'meta-type': 'enum', members: [{ name: 'safe' }, { name: 'hard' }] },
  { name: 'str', 'meta-type': 'builtin', 'json-type': 'string' },
]);

describe('completion of a line', () => {
  it.each([
    ['', ['job-cancel', 'job-pause', 'quit'], ''],
    ['job-p', ['job-pause'], 'job-p'],
    ['job-pause ', ['id=', 'mode='], ''],
    ['job-pause id=a m', ['mode='], 'm'],
    ['job-pause id=a ', ['mode='], ''],
    ['job-pause mode=', ['mode=safe', 'mode=hard'], 'mode='],
    ['job-pause mode=h', ['mode=hard'], 'mode=h'],
    ['job-pause id=', [], 'id='],
    ['nosuch ', [], ''],
    ['job-pause a=1 a.b=2 ', ['id=', 'mode='], ''],
  ])('goes on from %j', (line, choices, part) => {
    expect(completeLine(line, SCHEMA)).toEqual({ choices, part });
  });
});
