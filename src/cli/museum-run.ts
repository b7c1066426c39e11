/**
 * Makes mutants run: a copy of the compiled program in a temporary folder, changed as an exhibit
 * says, in a thread of its own. A mutant may go round in circles without ever letting go, which
 * only the end of its thread ends.
 */

import { rmSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Replacement } from '../sim/museum/exhibit.ts';
import { mutate } from '../sim/museum/mutate.ts';
import type { Finding, SearchOrder } from '../sim/museum/search.ts';
import type { MutantRunner } from '../sim/museum/show.ts';
import type { CommandIo } from './command.ts';

/** How long one search may take, in milliseconds, unless said otherwise. */
const TIME_MAX_MS = 60_000;
/** Where the thread begins, in the compiled program. */
const WORKER = 'cli/museum-worker.js';
/** What a simulation has no use for. */
const LEFT_OUT = /^(cli|web|monitor|workload)$/;

/** The compiled program that this file is part of, or is compiled to. */
const DIST = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../../dist' : '..', import.meta.url),
);

export interface MuseumRunOptions {
  /** The compiled program. @default The one that this file is part of. */
  readonly dist?: string;
  /** @default 60 s */
  readonly timeMaxMs?: number;
  /** Where copies of it are made, and removed again. @default The system's temporary folder. */
  readonly copiesIn?: string;
  /** Who removes a copy when the process ends before the search. @default Nobody. */
  readonly onExit?: CommandIo['onExit'];
}

/** @returns What makes mutants of a compiled program, and runs them. */
export function mutantRunner({
  dist = DIST,
  timeMaxMs = TIME_MAX_MS,
  copiesIn = tmpdir(),
  onExit = () => () => {},
}: MuseumRunOptions = {}): MutantRunner {
  return {
    async run(mutation, order) {
      await demandBuilt(dist);
      if (mutation.length === 0) return runThread(join(dist, WORKER), order, timeMaxMs);
      const folder = await fs.mkdtemp(join(copiesIn, 'mirrordisk-mutant-'));
      const remove = () => rmSync(folder, { recursive: true, force: true });
      const forget = onExit(remove);
      try {
        await copyProgram(dist, folder);
        await change(folder, mutation);
        return await runThread(join(folder, WORKER), order, timeMaxMs);
      } finally {
        forget();
        remove();
      }
    },
  };
}

async function demandBuilt(dist: string): Promise<void> {
  await fs.access(join(dist, WORKER)).catch((cause: unknown) => {
    const rule = 'it is not built, which "npm run build" does';
    throw new RangeError(`Cannot run the program in "${dist}": ${rule}`, { cause });
  });
}

async function copyProgram(dist: string, folder: string): Promise<void> {
  const all = await fs.readdir(dist, { withFileTypes: true });
  for (const { name } of all.filter((entry) => entry.isDirectory())) {
    if (LEFT_OUT.test(name)) continue;
    const options = { recursive: true, filter: isCode };
    await fs.cp(join(dist, name), join(folder, name), options);
  }
  await fs.mkdir(dirname(join(folder, WORKER)), { recursive: true });
  await fs.copyFile(join(dist, WORKER), join(folder, WORKER));
  await fs.writeFile(join(folder, 'package.json'), '{ "type": "module" }\n');
}

/** Types and maps of the compiler are for people. */
function isCode(path: string): boolean {
  return !/\.(d\.ts|map)$/.test(path);
}

async function change(folder: string, mutation: readonly Replacement[]): Promise<void> {
  const texts = new Map<string, string>();
  for (const { file } of mutation) texts.set(file, await fs.readFile(join(folder, file), 'utf8'));
  for (const [file, text] of mutate(mutation, (name) => texts.get(name) ?? '')) {
    await fs.writeFile(join(folder, file), text);
  }
}

function runThread(path: string, order: SearchOrder, timeMaxMs: number): Promise<Finding> {
  const worker = new Worker(pathToFileURL(path), { workerData: order, execArgv: [] });
  return new Promise<Finding>((resolve, reject) => {
    const late = () => reject(new RangeError(`Cannot search: it took over ${timeMaxMs} ms`));
    const timer = setTimeout(late, timeMaxMs);
    const end = () => reject(new RangeError('Cannot search: the thread of the mutant has ended'));
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', end);
    worker.once('exit', () => clearTimeout(timer));
  }).finally(() => worker.terminate());
}
