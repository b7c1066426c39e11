/**
 * The Nodes of this machine: the one that runs the tests, those on the path, and those in the
 * folder that the variable MIRRORDISK_NODES names, as `.ci/nodes.js` and nvm have them:
 * `v22.1.0/bin/node`.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface InstalledNode {
  readonly path: string;
  /** As it tells it: "v22.1.0". */
  readonly version: string;
}

const PACKAGE = new URL('../../package.json', import.meta.url);

/** @returns Those that are supported, each version once; this one comes first. */
export function installedNodes(): readonly InstalledNode[] {
  const { PATH = '', MIRRORDISK_NODES: folder } = process.env;
  const onPath = PATH.split(delimiter).map((place) => join(place, 'node'));
  const fetched = folder ? readdirSync(folder).map((name) => join(folder, name, 'bin/node')) : [];
  const found = [...onPath, ...fetched].filter((path) => existsSync(path));
  const paths = new Set([process.execPath, ...found].map((path) => realpathSync(path)));
  const versions = new Map<string, InstalledNode>();
  for (const path of paths) {
    const version = execFileSync(path, ['--version'], { encoding: 'utf8' }).trim();
    if (isSupported(version) && !versions.has(version)) versions.set(version, { path, version });
  }
  return [...versions.values()];
}

/** Whether a version is what package.json asks for, which is ">=" and a version. */
function isSupported(version: string): boolean {
  const { engines } = JSON.parse(readFileSync(PACKAGE, 'utf8'));
  return inOrder(engines.node.replace('>=', '')) <= inOrder(version);
}

/** @returns A text that is before another one if the version is. */
function inOrder(version: string): string {
  const parts = version.replace('v', '').split('.');
  return [0, 1, 2].map((at) => (parts[at] ?? '0').padStart(6, '0')).join('.');
}
