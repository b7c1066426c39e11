/**
 * Runs the benchmarks: `npm run bench`, or `npm run bench -- bitmap mirror` for only those.
 *
 * Node 20 reads no TypeScript, and benchmarks are not part of `dist/`. So `bench/*.ts` is compiled,
 * with the sources it imports, into a folder that lives as long as this run. Every `x.bench.ts`
 * exports
 *
 *     export const bench = { name, summary, async run(report) { ... } };
 *
 * where `report(line)` prints one line of the result. Each one runs in a process of its own, so
 * that none meets code that another has made the compiler pessimistic about, and has `gc()`.
 *
 * `npm run soak` and `npm run fuzz` come here too: `soak.ts` and `fuzz.ts` are compiled in the same
 * way and are given their arguments.
 */

import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, type } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const top = fileURLToPath(new URL('..', import.meta.url));
const suffix = '.bench.ts';

/** What are no benchmarks; compiled only when they are asked for. */
const programs = ['soak', 'fuzz'];

const [first, ...rest] = process.argv.slice(2);
if (first === '--compiled') await runHere(rest[0]);
else if (programs.includes(first?.slice(2))) await runProgram(first.slice(2), rest);
else await runAll(first === undefined ? [] : [first, ...rest]);

/** @param names Those to run, with or without folder and suffix; none means all. */
async function runAll(names) {
  const known = readdirSync(join(top, 'bench'))
    .filter((file) => file.endsWith(suffix))
    .map((file) => basename(file, suffix))
    .sort();
  const wanted = names.map((name) => basename(basename(name), suffix));
  const unknown = wanted.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    console.error(`Cannot run "${unknown}": the benchmarks are ${known.join(', ') || 'none'}`);
    process.exitCode = 2;
    return;
  }
  console.log(machine());
  const chosen = wanted.length > 0 ? wanted : known;
  const folder = temporaryFolder();
  const leftOut = known.filter((name) => !chosen.includes(name));
  compile([...leftOut.map((name) => `${name}${suffix}`), ...filesOf(programs)], folder);
  for (const name of chosen) {
    const file = join(folder, 'bench', `${name}.bench.js`);
    const execArgv = ['--expose-gc', '--enable-source-maps'];
    const child = fork(fileURLToPath(import.meta.url), ['--compiled', file], { execArgv });
    const kill = () => child.kill('SIGKILL');
    process.once('exit', kill);
    const [code, signal] = await once(child, 'exit');
    process.off('exit', kill);
    if (code === 0) continue;
    console.error(`${name} failed: ${signal ?? `exit code ${code}`}`);
    process.exitCode = 1;
  }
}

/** The files of programs, as patterns. */
function filesOf(names) {
  return names.map((name) => `${name}*.ts`);
}

/** Compiles the program and runs it with the arguments given; what it ends with, this ends with. */
async function runProgram(program, args) {
  const folder = temporaryFolder();
  compile([`*${suffix}`, ...filesOf(programs.filter((name) => name !== program))], folder);
  const execArgv = ['--expose-gc', '--enable-source-maps'];
  const child = fork(join(folder, 'bench', `${program}.js`), args, { execArgv });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const [code, signal] = await once(child, 'exit');
  process.off('exit', kill);
  if (signal !== null) console.error(`${program} was ended by ${signal}`);
  process.exitCode = code ?? 1;
}

/** Runs the benchmark of one compiled file in this process. */
async function runHere(file) {
  const { bench } = await import(pathToFileURL(file).href);
  console.log(`\n${bench.name}: ${bench.summary}`);
  await bench.run((line) => console.log(line && `  ${line}`));
}

function machine() {
  const [{ model = 'unknown processor' } = {}, ...rest] = cpus();
  const cores = `${rest.length + 1} core${rest.length === 0 ? '' : 's'}`;
  return `${model.trim()}, ${cores}, ${type()} ${release()}, Node ${process.version}`;
}

/** @returns A new folder under node_modules, where nothing searches; it goes when the process ends. */
function temporaryFolder() {
  const cache = join(top, 'node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'mirrordisk-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
  return folder;
}

/** Compiles bench/ into the folder, but not the files left out. */
function compile(leftOut, folder) {
  const compilerOptions = {
    ...{ noEmit: false, noEmitOnError: true, inlineSourceMap: true },
    ...{ rootDir: top, outDir: folder, typeRoots: [join(top, 'node_modules/@types')] },
  };
  const project = join(folder, 'tsconfig.json');
  const include = [join(top, 'bench/*.ts')];
  const exclude = leftOut.map((name) => join(top, 'bench', name));
  const base = join(top, 'tsconfig.json');
  writeFileSync(project, JSON.stringify({ extends: base, compilerOptions, include, exclude }));
  // Without this Node would take the compiled files for CommonJS, as it does below node_modules.
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  const compiler = resolve(top, 'node_modules/typescript/bin/tsc');
  const { status } = spawnSync(process.execPath, [compiler, '-p', project], { stdio: 'inherit' });
  if (status !== 0) process.exit(2);
}
