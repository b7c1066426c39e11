import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { withFolder } from '../support/temporary.ts';
import { main } from './main.ts';
import type { Folders } from './place.ts';

const TOP = fileURLToPath(new URL('../..', import.meta.url));

/** A project whose tests miss one thing: what is so at the limit itself. */
const SOURCE = `/** Limits. */
export function isAbove(value: number, limit: number): boolean {
  return value > limit;
}
export function isAllowed(value: number): boolean {
  return !isAbove(value, 5);
}
export const nameOf = (id: number): string => 'limit ' + id;
`;
const TEST = `import { expect, it } from 'vitest';
import { isAbove, isAllowed } from '../../src/jobs/limit.ts';
it('is above', () => expect([isAbove(4, 5), isAbove(6, 5)]).toEqual([false, true]));
it('is allowed', () => expect(isAllowed(4)).toBe(true));
`;
/** What is compiled of it, and a simulation that is no match for any mutant. */
const COMPILED = 'export {};';

function projectIn(folder: string): Folders {
  const folders = { top: join(folder, 'top'), work: folder, compiled: join(folder, 'compiled') };
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  write('top/src/jobs/limit.ts', SOURCE);
  write('top/test/jobs/limit.test.ts', TEST);
  write('top/package.json', '{ "type": "module" }');
  mkdirSync(join(folders.top, 'bench'));
  copyFileSync(join(TOP, 'tsconfig.json'), join(folders.top, 'tsconfig.json'));
  symlinkSync(join(TOP, 'node_modules'), join(folders.top, 'node_modules'));
  write('compiled/src/jobs/limit.js', COMPILED);
  write('compiled/test/mutation/simulation.js', COMPILED);
  return folders;
}

/** Runs the program on the small project. */
async function mutate(...args: readonly string[]) {
  const said = vi.spyOn(console, 'log').mockImplementation(() => {});
  vi.spyOn(console, 'error').mockImplementation(() => {});
  const code = await withFolder((folder) => main(args, projectIn(folder)));
  return { code, report: said.mock.calls.join('\n') };
}

describe('the mutation test', { timeout: 120_000 }, () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it('tells what nobody catches, and counts nothing that the compiler refuses', async () => {
    const { code, report } = await mutate();
    expect(report.split('\n')).toEqual([
      '2 mutants, 1 caught (50.0 %): simulation 0, tests 1, time-out 0',
      'src/jobs/limit.ts:3: > to >=: return «value > limit»;',
      '    reason: not yet known',
    ]);
    expect(code).toBe(1);
  });

  it('begins with no more when its time is over, and reports on the others', async () => {
    const { report } = await mutate('--minutes', '0');
    expect(report).toMatch(/^1 mutants, /);
  });

  it('explains itself', async () => {
    const { code, report } = await mutate('--help');
    expect(code).toBe(0);
    expect(report).toMatch(/^Usage: npm run mutate/);
  });
});
