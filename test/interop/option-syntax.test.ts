import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { parseKeyval } from '../../src/wire/options/keyval.ts';
import {
  convertOption,
  type Option,
  type OptionType,
  parseOptionList,
} from '../../src/wire/options/option-list.ts';
import { parseSize } from '../../src/wire/options/scalars.ts';
import { withFolder } from '../support/temporary.ts';
import { interop, type Tool } from '../support/tools.ts';

const { it } = interop('qemu-storage-daemon', 'qemu-img');

/** What the daemon says of an option before it fails, if not at that then at the next one. */
async function saidOf(daemon: Tool, option: string, text: string): Promise<readonly string[]> {
  const last = '--blockdev end';
  const { stderr } = await daemon([option, text, ...last.split(' ')], { exitCodes: [1] });
  const prefix = `qemu-storage-daemon: ${option} ${text}: `;
  const lines = stderr.split('\n').filter((line) => !line.includes(` ${last}: `) && line !== '');
  return lines.map((line) => (line.startsWith(prefix) ? line.slice(prefix.length) : line));
}

function reasonOf(action: () => unknown): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (!(error instanceof BlockError)) throw error;
    return error.reason;
  }
}

describe('options that are a tree', () => {
  const TEXTS = [
    ...[
      'a',
      'a.b',
      ' ',
      'driver=a,,b',
      'driver=a,driver=b',
      'driver=,',
      'a,driver=c',
      'driver=a=b',
    ],
    ...['=1', ',a=1', '.a=1', 'a.=1', 'a..b=1', '0=1', 'a.0x=1', 'a b=1', '_a=1', '__a=1', 'é=1'],
    ...['a,b', 'a,b.c', 'a,b c', 'a,help', '?', 'help,x', `${'a'.repeat(128)}=1`],
    ...[`x.${'a'.repeat(128)}=1`, 'a=1,a.b=2', 'a.b=1,a=2', 'a.b=1,a.b.c=2', 'a=1,a.b..c=2'],
    ...['a.0=1,a.b=2', 'a.b.0=1,a.b.c=2', 'a.1=1', 'a.b.0=1,a.b.2=2', 'a.99999999999=1'],
    ...['x.1=1,y.1=1,z.1=1', 'minor.1=1,micro.1=1', 'driver=a,b.0=x,b.00=y,b.1=z'],
  ];

  it('are read and refused as the daemon does', async (daemon) => {
    for (const text of TEXTS) {
      const read = () => {
        const { values } = parseKeyval(text, { impliedName: 'driver', hasHelp: false });
        const { driver } = values;
        throw new BlockError(
          'EINVAL',
          'open',
          `Parameter 'driver' does not accept value '${driver}'`,
        );
      };
      expect([text, await saidOf(daemon, '--blockdev', text)]).toEqual([text, [reasonOf(read)]]);
    }
  });
});

describe('options that are a list', () => {
  const TYPES: Readonly<Record<string, OptionType>> = {
    backend: 'string',
    path: 'string',
    mux: 'bool',
    wait: 'bool',
    delay: 'bool',
    nodelay: 'bool',
    width: 'number',
    size: 'size',
  };
  const TEXTS = [
    ...['null,id=x', 'a,,b,id=x', 'id=x,backend=a,,b', 'null,id=9a', 'null,id=', 'null,id'],
    ...['null,id=x,mux,nowait,nodelay,delay', 'null,id=x,nofoo', 'null,id=x,no', 'null,id=x,=1'],
    ...['null,id=x,mux=maybe', 'null,id=x,mux=y', 'nowait,id=x', 'null,id=x,path=a,,b,mux=z'],
    ...['', 'K', '1q', '1.5', '.5K', '1.5K', '1e5', '-1', '+1', '0x10K', '1.K', '16E', '15E'].map(
      size,
    ),
    ...['18446744073709551615', '18446744073709551616', '1 ', ' 1', '08', '0x1.8'].map(size),
    ...['', 'x', '-1', '0x1F', '08', '017', '18446744073709551616', '1K'].map(width),
  ];

  function size(text: string): string {
    return `null,id=x,size=${text}`;
  }

  function width(text: string): string {
    return `null,id=x,width=${text}`;
  }

  /** What the daemon must say of the options: of their form, their values and their backend. */
  function expected(text: string): readonly string[] {
    const warnings: string[] = [];
    const reason = reasonOf(() => {
      const list = parseOptionList(text, { impliedName: 'backend' });
      warnings.push(...list.warnings);
      for (const option of list.options) check(option);
    });
    const lines = warnings.flatMap((warning) => `warning: ${warning}`.split('\n'));
    return reason === undefined ? lines : [...lines, reason];
  }

  function check(option: Option): void {
    const { name, value } = option;
    const type = TYPES[name];
    if (!type) throw new BlockError('EINVAL', 'read', `Invalid parameter '${name}'`);
    convertOption(option, type);
    if (name !== 'backend' || value === 'null') return;
    throw new BlockError('EINVAL', 'open', `'${value}' is not a valid char driver name`);
  }

  it('are read and refused as the daemon does', async (daemon) => {
    for (const text of TEXTS) {
      const said = await saidOf(daemon, '--chardev', text);
      expect([text, said.filter((line) => !isHint(line))]).toEqual([text, expected(text)]);
    }
  });
});

/** Whether the daemon says that beyond what it refuses and what it warns of for its form. */
function isHint(line: string): boolean {
  return /^(Optional suffix|and exabytes|Identifiers consist|warning: Using a mult)/.test(line);
}

describe('a size', () => {
  it('is what it is for qemu-img', async (_, qemuImg) => {
    await withFolder(async (folder) => {
      for (const text of [
        '1000',
        '08K',
        '12.345M',
        '0.5k',
        '1.0001M',
        '0x1b000',
        '1.K',
        '1.5G',
        '2t',
      ]) {
        const { stdout } = await qemuImg(['create', '-f', 'raw', join(folder, 'disk'), text]);
        expect([text, stdout]).toEqual([text, expect.stringContaining(` size=${parseSize(text)}`)]);
      }
    });
  });
});
