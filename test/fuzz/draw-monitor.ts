/**
 * What a client of the monitor might send: commands with arguments that fit, nearly fit or do not.
 *
 * Names are few, so that commands meet the nodes and jobs of others.
 */

import type { Random } from '../../src/base/random.ts';
import type { JsonObject, JsonValue } from '../../src/wire/qmp/json-value.ts';
import { drawNumber, pick } from './mutations.ts';

const NODES = ['disk', 'copy', 'other', 'nosuch'];
const JOBS = ['job', 'other', 'nosuch'];
const JOB_VERBS = ['pause', 'resume', 'complete', 'cancel', 'finalize', 'dismiss'];
const QUERIES = [
  ...['query-block', 'query-blockstats', 'query-named-block-nodes', 'query-block-jobs'],
  ...['query-jobs', 'query-block-exports', 'query-chardev', 'query-version', 'query-commands'],
  ...['x-debug-query-block-graph', 'query-status', 'nosuch'],
];

type Draw = (random: Random) => JsonValue;

const nodeName: Draw = (random) => pick(random, NODES);
const jobId: Draw = (random) => pick(random, JOBS);
const flag: Draw = (random) => random.below(2) === 0;
const word = (...words: readonly string[]): Draw => {
  return (random) => pick(random, words);
};

/** Options of a disk that is in no file. */
const disk: Draw = (random) => ({
  driver: pick(random, ['null-co', 'memory', 'null-co', 'raw', 'blkdebug', 'nosuch']),
  'node-name': pick(random, NODES),
  ...(random.below(2) === 0 && { size: pick(random, [0, 512, 65_536, 1_048_576]) }),
  ...(random.below(4) === 0 && { 'read-only': flag(random) }),
  ...(random.below(4) === 0 && { file: pick(random, NODES) }),
});

const mirror: Draw = (random) => ({
  'job-id': jobId(random),
  device: nodeName(random),
  target: nodeName(random),
  sync: pick(random, ['full', 'top', 'none', 'incremental']),
  ...(random.below(3) === 0 && { granularity: pick(random, [0, 512, 4096, 65_536, 3]) }),
  ...(random.below(3) === 0 && { speed: drawNumber(random) }),
  ...(random.below(3) === 0 && { 'auto-finalize': flag(random) }),
  ...(random.below(3) === 0 && { 'auto-dismiss': flag(random) }),
  ...(random.below(3) === 0 && { 'copy-mode': word('background', 'write-blocking')(random) }),
});

const bitmap: Draw = (random) => ({
  node: nodeName(random),
  name: pick(random, ['a', 'b']),
  ...(random.below(3) === 0 && { granularity: drawNumber(random) }),
});

/** A request as it would be drawn by somebody who knows the commands. */
function drawSensible(random: Random): JsonObject {
  const given = (execute: string, draw: Draw) => ({ execute, arguments: draw(random) });
  switch (random.below(8)) {
    case 0:
      return given('blockdev-add', disk);
    case 1:
      return given('blockdev-del', () => ({ 'node-name': nodeName(random) }));
    case 2:
      return given('blockdev-mirror', mirror);
    case 3:
      return given(`job-${pick(random, JOB_VERBS)}`, () => ({ id: jobId(random) }));
    case 4:
      return given(`block-job-${pick(random, ['cancel', 'set-speed', 'complete'])}`, () => ({
        device: jobId(random),
        ...(random.below(2) === 0 && { force: flag(random) }),
        ...(random.below(2) === 0 && { speed: drawNumber(random) }),
      }));
    case 5:
      return given(`block-dirty-bitmap-${pick(random, ['add', 'remove', 'clear'])}`, bitmap);
    case 6:
      return given('transaction', () => ({
        actions: [{ type: 'block-dirty-bitmap-add', data: bitmap(random) }, { type: 'abort' }],
      }));
    default:
      return { execute: pick(random, QUERIES) };
  }
}

/** A value of any kind, that may have others inside. */
export function drawJson(random: Random, depth = 0): JsonValue {
  switch (random.below(depth > 4 ? 5 : 7)) {
    case 0:
      return null;
    case 1:
      return flag(random);
    case 2:
      return drawNumber(random);
    case 3:
      return pick(random, ['', 'disk', 'job', '\u0000', 'é', '\ud800', '🜁', '"', '\\']);
    case 4:
      return -random.below(1000) / 8;
    case 5:
      return Array.from({ length: random.below(4) }, () => drawJson(random, depth + 1));
    default: {
      const names = Array.from({ length: random.below(4) }, () => pick(random, MEMBERS));
      return Object.fromEntries(names.map((name) => [name, drawJson(random, depth + 1)]));
    }
  }
}

const MEMBERS = ['execute', 'exec-oob', 'arguments', 'id', 'device', 'node-name', '__proto__', ''];

/** Puts something else in the place of one argument, or adds one. */
function disturb(request: JsonObject, random: Random): JsonObject {
  const { arguments: given } = request;
  const names = [...Object.keys(given ?? {}), 'nosuch'];
  const changed = { ...Object(given), [pick(random, names)]: drawJson(random) };
  return { ...request, arguments: changed };
}

/** A request; each may carry an `id` of any kind. */
export function drawRequest(random: Random): JsonObject {
  const sensible = drawSensible(random);
  const request = random.below(3) === 0 ? disturb(sensible, random) : sensible;
  return random.below(2) === 0 ? request : { ...request, id: drawJson(random) };
}
