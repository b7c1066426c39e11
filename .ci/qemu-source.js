/**
 * Fetches what QEMU has to test a QEMU with, from Debian's source package of it: its Python library
 * for clients, and its iotests.
 *
 *   usage: node .ci/qemu-source.js FOLDER [--required]
 *
 * They lie in FOLDER as in QEMU's sources, `python/` and `tests/qemu-iotests/`, of the release that
 * Debian's programs are of; tests find them if MIRRORDISK_QEMU names FOLDER. A FOLDER that is there
 * already is left alone; it gets its name when it is whole. apt checks what it fetches, takes no
 * privileges, and changes nothing else on the machine: its lists go to a folder of their own. What
 * cannot be had is told of, and makes this fail only with `--required`.
 */

import { execFile } from 'node:child_process';
import * as fs from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';

const SOURCE =
  'deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ' +
  'http://deb.debian.org/debian bookworm main\n';
const WANTED = ['python/qemu', 'tests/qemu-iotests'];
const PATCHES = 'debian/patches';
const FETCH_MAX_MS = 120_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { required: { type: 'boolean', default: false } },
});
const [folder] = positionals;
if (folder === undefined) throw new Error('usage: node .ci/qemu-source.js FOLDER [--required]');

const run = promisify(execFile);
const place = resolve(folder);
try {
  const isThere = fs.existsSync(place);
  if (!isThere) await fetch();
  console.log(`QEMU's library and tests: ${isThere ? 'there already' : 'fetched'}`);
} catch (error) {
  const answer = error.killed ? `no answer in ${FETCH_MAX_MS} ms` : error.stderr || error.message;
  console.error(`QEMU's library and tests: SKIPPED, they cannot be had: ${answer.trim()}`);
  if (values.required) process.exitCode = 1;
}

/** Puts them in their place, once they are whole. */
async function fetch() {
  fs.mkdirSync(dirname(place), { recursive: true });
  const part = fs.mkdtempSync(`${place}-part-`);
  try {
    await download(part);
    const contents = join(part, 'contents');
    fs.mkdirSync(contents);
    const members = WANTED.map((name) => `*/${name}`);
    const options = ['-C', contents, '--strip-components=1', '--wildcards', ...members];
    await run('tar', ['-xJf', archiveIn(part, '.orig.tar.xz'), ...options]);
    await run('tar', ['-xJf', archiveIn(part, '.debian.tar.xz'), '-C', part, PATCHES]);
    for (const patch of patchesIn(join(part, PATCHES))) await apply(patch, contents);
    fs.renameSync(contents, place);
  } finally {
    fs.rmSync(part, { recursive: true, force: true });
  }
}

/** Fetches the parts of the source package. */
async function download(part) {
  const [list, lists, cache] = ['sources.list', 'lists', 'cache'].map((name) => join(part, name));
  fs.writeFileSync(list, SOURCE);
  for (const path of [lists, cache]) fs.mkdirSync(path);
  const settings = {
    'Dir::Etc::SourceList': list,
    'Dir::Etc::SourceParts': '-',
    'Dir::State::Lists': lists,
    'Dir::Cache': cache,
    'APT::Sandbox::User': 'root', // Nobody else may write here.
  };
  const own = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const apt = (...args) =>
    run('apt-get', [...own, '-q', ...args], { cwd: part, timeout: FETCH_MAX_MS });
  await apt('update', '--error-on=any');
  await apt('source', '--download-only', 'qemu');
}

function archiveIn(part, ending) {
  const name = fs.readdirSync(part).find((it) => it.endsWith(ending));
  if (name === undefined) throw new Error(`no ${ending} among ${fs.readdirSync(part).join(', ')}`);
  return join(part, name);
}

/** @returns The patches from each release to the next, `v7.2.1.diff` and on, in their order. */
function patchesIn(folder) {
  const lines = fs.readFileSync(join(folder, 'series'), 'utf8').split('\n');
  return lines.filter((line) => /^v[\d.]+diff$/.test(line)).map((line) => join(folder, line));
}

/** Applies what a patch changes of what is wanted. */
async function apply(patch, contents) {
  // git refuses one of the patches as a whole, for a part that is about other files.
  const parts = fs.readFileSync(patch, 'latin1').split(/^(?=diff --git )/m);
  const wanted = parts.filter((piece) =>
    WANTED.some((it) => piece.startsWith(`diff --git a/${it}/`)),
  );
  fs.writeFileSync(patch, wanted.join(''), 'latin1');
  // Whatever repository the folder may be in, this is not about it.
  const env = { ...process.env, GIT_CEILING_DIRECTORIES: dirname(contents) };
  await run('git', ['apply', '--allow-empty', patch], { cwd: contents, env });
}
