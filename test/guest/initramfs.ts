/** The guest's first file system: busybox, drivers, the mke2fs of this machine, and `init`. */

import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Tool } from '../support/tools.ts';
import { newcArchive } from './newc.ts';
import type { Packages } from './packages.ts';

const INIT = fileURLToPath(new URL('init', import.meta.url));
/** In the order in which they need each other; ext4 is part of the kernel. */
const DRIVERS = [
  'virtio/virtio_ring.ko',
  'virtio/virtio.ko',
  'virtio/virtio_pci_legacy_dev.ko',
  'virtio/virtio_pci_modern_dev.ko',
  'virtio/virtio_pci.ko',
  'block/virtio_blk.ko',
];

/** The programs that it takes. */
export interface InitramfsTools {
  readonly mke2fs: Tool;
  readonly ldd: Tool;
}

/** @returns The archive, for the kernel to unpack. */
export async function makeInitramfs(
  { drivers, busybox }: Pick<Packages, 'drivers' | 'busybox'>,
  { mke2fs, ldd }: InitramfsTools,
): Promise<Uint8Array> {
  const { stdout } = await ldd([mke2fs.path]);
  const libraries = [...stdout.matchAll(/\/\S+(?= \(0x)/g)].map(([path]) => path);
  const sources = new Map([
    ['/init', INIT],
    ['/bin/busybox', busybox],
    ['/bin/mke2fs', mke2fs.path],
  ]);
  for (const path of libraries) sources.set(path, path);
  for (const [index, name] of DRIVERS.entries()) {
    sources.set(`/drivers/${index}-${basename(name)}`, join(drivers, name));
  }
  const files = new Map<string, Uint8Array>();
  for (const [path, source] of sources) files.set(path, await readFile(source));
  return newcArchive(files);
}
