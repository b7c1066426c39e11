/**
 * The mutation test: `npm run mutate`, with the options that `main.ts` explains.
 *
 * Node 20 reads no TypeScript, and tests are not part of `dist/`. So the program under test and
 * this test of it are compiled into a temporary folder first, which the mutants then share.
 */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const top = fileURLToPath(new URL('../..', import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'mirrordisk-mutation-'));
process.on('exit', () => rmSync(work, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(2));

const compiled = join(work, 'compiled');
compile();
const { main } = await import(pathToFileURL(join(compiled, 'test/mutation/main.js')).href);
process.exitCode = await main(process.argv.slice(2), { top, work, compiled });

function compile() {
  const compilerOptions = {
    ...{ noEmit: false, noEmitOnError: true, rootDir: top, outDir: compiled },
    typeRoots: [join(top, 'node_modules/@types')],
  };
  const include = [join(top, 'src'), join(top, 'test/mutation')];
  const exclude = [join(top, 'test/mutation/*.test.ts')];
  const project = join(work, 'tsconfig.json');
  const base = join(top, 'tsconfig.json');
  writeFileSync(project, JSON.stringify({ extends: base, compilerOptions, include, exclude }));
  writeFileSync(join(work, 'package.json'), '{ "type": "module" }');
  symlinkSync(join(top, 'node_modules'), join(work, 'node_modules'));
  const compiler = join(top, 'node_modules/typescript/bin/tsc');
  const { status } = spawnSync(process.execPath, [compiler, '-p', project], { stdio: 'inherit' });
  if (status !== 0) process.exit(2);
}
