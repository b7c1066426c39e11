/**
 * Makes a checkout ready to run: installs the development packages and builds `dist/`.
 *
 * Every npm command of this project calls it first, so that a fresh clone needs no other command.
 * Each half is skipped when its result is there already, which takes some hundredths of a second:
 *
 * - installed: npm's own list, which `npm ci` removes first and writes last, agrees with
 *   package-lock.json, and every folder in it exists;
 * - built: `dist/` holds the output of every source and nothing else, and the stamp, removed before
 *   a build and written after it, has the checksum of all that the output depends on.
 *
 * So an attempt that was interrupted counts for nothing. Several processes may call this at once:
 * one works, the others wait for it and then find nothing left to do.
 */

import { execSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const top = fileURLToPath(new URL('..', import.meta.url));
const modules = join(top, 'node_modules');
const dist = join(top, 'dist');
const stamp = join(modules, '.mirrordisk-built');
const busy = join(tmpdir(), `mirrordisk-prepare-${sha256(top).slice(0, 16)}`);

/** How often a waiting process looks, and how long it believes that the other one still works. */
const LOOK_EVERY_MS = 50;
const BUSY_MAX_MS = 10 * 60 * 1000;

if (!isInstalled() || !isBuilt()) alone(prepare);

function prepare() {
  if (!isInstalled()) {
    // The flags undo what an outer npm hands down: `npm pack --dry-run`, `npm install --omit=dev`.
    run('npm ci --no-audit --no-fund --include=dev --no-dry-run --no-global');
  }
  if (!isBuilt()) build();
}

function isInstalled() {
  const wanted = packagesOf(join(top, 'package-lock.json'));
  const present = packagesOf(join(modules, '.package-lock.json'));
  return Object.entries(wanted).every(([folder, { version, integrity, optional }]) => {
    if (folder === '') return true; // This project itself.
    const found = present[folder];
    if (found === undefined) return optional === true; // Made for another kind of machine.
    return (
      found.version === version &&
      found.integrity === integrity &&
      fs.existsSync(join(top, folder, 'package.json'))
    );
  });
}

function packagesOf(lockfile) {
  return JSON.parse(textOf(lockfile) || '{}').packages ?? {};
}

function isBuilt() {
  const expected = sources().flatMap(outputsOf).sort();
  return expected.join() === filesIn(dist).join() && textOf(stamp) === fingerprint();
}

function build() {
  fs.rmSync(stamp, { force: true });
  const before = fingerprint();
  // What is there is written over in place, since a test may be running it; but what a source now
  // deleted has left behind must go.
  const expected = new Set(sources().flatMap(outputsOf));
  for (const name of filesIn(dist)) {
    if (!expected.has(name)) fs.rmSync(join(dist, name));
  }
  run(`"${process.execPath}" node_modules/typescript/bin/tsc -p src`);
  for (const name of sources().filter((source) => outputsOf(source).includes(source))) {
    fs.mkdirSync(dirname(join(dist, name)), { recursive: true });
    fs.copyFileSync(join(top, 'src', name), join(dist, name));
  }
  fs.writeFileSync(stamp, before);
}

/** @returns Whatever in `dist/` stems from one file of `src/`: compiled, left out or copied. */
function outputsOf(source) {
  if (/(^|\/)(README\.md|tsconfig\.json)$/.test(source)) return [];
  if (!source.endsWith('.ts')) return [source];
  return ['.d.ts', '.js', '.js.map'].map((ending) => source.replace(/\.ts$/, ending));
}

/** @returns A checksum of everything the output depends on. */
function fingerprint() {
  const files = ['package.json', 'package-lock.json', 'tsconfig.json', '.ci/prepare.js'];
  files.push(...sources().map((name) => `src/${name}`));
  return sha256(files.map((file) => `${file} ${sha256(textOf(join(top, file)))}\n`).join(''));
}

function sources() {
  return filesIn(join(top, 'src'));
}

/** @returns The paths of all files below a folder, relative to it, sorted; none where it is missing. */
function filesIn(folder) {
  if (!fs.existsSync(folder)) return [];
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .map((name) => name.replaceAll('\\', '/'))
    .sort();
}

/** @returns The file's text, or nothing where there is no such file. */
function textOf(path) {
  try {
    return fs.readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return '';
    throw error;
  }
}

function sha256(text) {
  return createHash('sha256').update(text).digest('hex');
}

function run(command) {
  // The output goes to stderr: stdout belongs to the command that follows.
  execSync(command, { cwd: top, stdio: ['ignore', 2, 2] });
}

/** Calls `work` while no other process does so for this checkout. */
function alone(work) {
  while (!take()) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_EVERY_MS);
  try {
    work();
  } catch (error) {
    // The command has told what is wrong with the sources or the network; a stack would not.
    if (error.status === undefined) throw error;
    process.exitCode = 1;
  } finally {
    fs.rmSync(busy, { force: true });
  }
}

/** Takes the turn by a link that names this process: making it and naming the owner are one step. */
function take() {
  try {
    fs.symlinkSync(`${process.pid}`, busy);
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  if (isAbandoned()) fs.rmSync(busy, { force: true });
  return false;
}

function isAbandoned() {
  try {
    if (Date.now() - fs.lstatSync(busy).mtimeMs > BUSY_MAX_MS) return true;
    process.kill(Number(fs.readlinkSync(busy)), 0);
    return false;
  } catch (error) {
    if (error.code === 'ESRCH') return true; // The process was killed.
    if (error.code === 'EPERM') return false; // It runs, for somebody else.
    if (error.code === 'ENOENT') return false; // It has just finished.
    throw error;
  }
}
