/** File disks of which the test sees every call to the file below. */

import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { BlockGraph } from '../../src/block/graph.ts';
import type { BlockNode } from '../../src/block/node.ts';
import { drivers } from '../../src/drivers/index.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { type FileCall, type FileHook, hookedFiles } from './hooked-files.ts';
import { deferred } from './settle.ts';
import { makeFile, withFolder } from './temporary.ts';

export interface FileRig {
  readonly disk: BlockNode;
  readonly graph: BlockGraph;
  readonly path: string;
  /** What was asked of files, in order. */
  readonly calls: FileCall[];
  /** Are asked before every call. */
  readonly hooks: FileHook[];
  /** Holds up the calls that `matches` from now on. */
  hold(matches: (call: FileCall) => boolean): HeldCalls;
}

/** Calls that wait. */
export interface HeldCalls {
  readonly calls: FileCall[];
  letGo(): void;
}

/** Opens a file as a disk. */
export async function openFileDisk(path: string, options: object = {}, hook: FileHook = () => {}) {
  const real = nodeEnv();
  const graph = new BlockGraph({ ...real, files: hookedFiles(real.files, hook) }, drivers);
  const disk = await graph.open({ driver: 'file', filename: path, ...options });
  return { graph, disk };
}

/** Runs `body` with a disk in a file that is all hole. */
export function withFileDisk(size: number, options: object, body: (rig: FileRig) => Promise<void>) {
  return withFolder(async (folder) => runRig(await makeFile(folder, 'disk', size), options, body));
}

/** Runs `body` with a disk in a file that has storage. */
export function withStoredFileDisk(
  size: number,
  options: object,
  body: (rig: FileRig) => Promise<void>,
) {
  return withFolder(async (folder) =>
    runRig(await makeStoredFile(folder, 'disk', size), options, body),
  );
}

async function runRig(path: string, options: object, body: (rig: FileRig) => Promise<void>) {
  const calls: FileCall[] = [];
  const hooks: FileHook[] = [];
  const { disk, graph } = await openFileDisk(path, options, async (call) => {
    calls.push(call);
    for (const hook of hooks) await hook(call);
  });
  const hold = (matches: (call: FileCall) => boolean): HeldCalls => {
    const gate = deferred();
    const held: FileCall[] = [];
    hooks.push((call) => {
      if (!matches(call)) return undefined;
      held.push(call);
      return gate.promise;
    });
    return { calls: held, letGo: () => gate.resolve() };
  };
  try {
    await body({ disk, graph, path, calls, hooks, hold });
  } finally {
    hooks.length = 0;
    await graph.closeAll();
  }
}

/** Makes a file of zeroes that takes storage. @returns Its path. */
export async function makeStoredFile(folder: string, name: string, size: number): Promise<string> {
  const path = join(folder, name);
  const file = await open(path, 'wx');
  await file.writeFile(new Uint8Array(size));
  await file.sync();
  await file.close();
  return path;
}
