/**
 * The kernel and the shell of the guest: Debian's, fetched once and kept in a cache.
 *
 * The cache is `mirrordisk-guest` in `$XDG_CACHE_HOME` or `~/.cache`. It gets its name when it is
 * whole, and then nothing is fetched any more; remove it to have newer packages. Fetching takes no
 * privileges and changes nothing else on the machine: apt's lists go to a folder of their own.
 */

import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { findTool } from '../support/tools.ts';

/** A package without contents that depends on the newest kernel for virtual machines. */
const KERNEL = 'linux-image-cloud-amd64';
const BUSYBOX = 'busybox-static';
const FETCH_TIMEOUT_MS = 120_000;

/** Where the guest's programs lie. */
export interface Packages {
  readonly kernel: string;
  /** The folder of the kernel's drivers. */
  readonly drivers: string;
  readonly busybox: string;
}

/** Finds the packages in the cache, or fetches them. */
export async function findPackages(): Promise<Packages> {
  const caches = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  const place = join(caches, 'mirrordisk-guest');
  if (!existsSync(place)) {
    await mkdir(caches, { recursive: true });
    const folder = await mkdtemp(`${place}-part-`);
    try {
      await rename(await fetchPackages(folder), place);
    } finally {
      await rm(folder, { recursive: true });
    }
  }
  const [version = ''] = await readdir(join(place, 'lib/modules'));
  return {
    kernel: join(place, 'boot', `vmlinuz-${version}`),
    drivers: join(place, 'lib/modules', version, 'kernel/drivers'),
    busybox: join(place, 'bin/busybox'),
  };
}

/** @returns A folder inside the one given, with all that the packages hold. */
async function fetchPackages(folder: string): Promise<string> {
  const [lists, cache] = [join(folder, 'lists'), join(folder, 'cache')];
  for (const path of [lists, cache]) await mkdir(path);
  const own = ['-o', `Dir::State::Lists=${lists}`, '-o', `Dir::Cache=${cache}`];
  const run = async (name: string, ...args: readonly string[]) => {
    const tool = findTool(name);
    if (!tool) throw new Error(`Cannot fetch packages of Debian: ${name} is not installed`);
    return tool(args, { cwd: folder, timeoutMs: FETCH_TIMEOUT_MS });
  };
  await run('apt-get', ...own, '-q', 'update', '--error-on=any');
  const { stdout } = await run('apt-cache', ...own, 'depends', '--important', KERNEL);
  const [, kernel] = /^ *Depends: (linux-image-\S+)$/m.exec(stdout) ?? [];
  if (kernel === undefined) throw new Error(`Cannot find which kernel ${KERNEL} is:\n${stdout}`);
  await run('apt-get', ...own, '-q', 'download', kernel, BUSYBOX);
  const contents = join(folder, 'contents');
  for (const name of await readdir(folder)) {
    if (name.endsWith('.deb')) await run('dpkg-deb', '--extract', name, contents);
  }
  return contents;
}
