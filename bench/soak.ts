/**
 * The soak: random guests, verbs and faults against mirrors, for long: `npm run soak`.
 *
 *     npm run soak                              20 minutes, with a seed of its own
 *     npm run soak -- --seconds 30              for CI
 *     npm run soak -- --seed 7 --round 12       one round again
 *     npm run soak -- --kind crash --json       rounds of one kind; the result as JSON
 *
 * Each round is drawn from the seed and its number. Exit codes: 0 all is well, 1 something that
 * must not be was found, 2 it could not run.
 */

import { parseArgs } from 'node:util';
import type { RoundKind } from './soak-plan.ts';
import { Soak, type SoakOptions, stackOf } from './soak-run.ts';

const SECONDS_DEFAULT = 20 * 60;
const KINDS: readonly RoundKind[] = ['memory', 'files', 'crash'];

process.exitCode = await main();

async function main(): Promise<number> {
  let options: SoakOptions;
  try {
    options = readOptions();
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return 2;
  }
  const soak = new Soak(options);
  process.on('uncaughtException', (error) => soak.die(`it crashed: ${error.stack}`));
  process.on('unhandledRejection', (error) => soak.die(`nobody handled: ${stackOf(error)}`));
  return soak.run();
}

function readOptions(): SoakOptions {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: `${SECONDS_DEFAULT}` },
      seed: { type: 'string', default: `${Math.floor(Math.random() * 2 ** 32)}` },
      round: { type: 'string' },
      kind: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const { round, kind, json } = values;
  const known = KINDS.find((name) => name === kind);
  if (kind !== undefined && !known) throw new RangeError(`--kind is one of ${KINDS.join(', ')}`);
  return {
    seconds: numberOf('seconds', values.seconds),
    seed: numberOf('seed', values.seed),
    round: round === undefined ? undefined : numberOf('round', round),
    kind: known,
    json,
  };
}

function numberOf(name: string, text: string): number {
  const value = Number(text);
  if (text !== '' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new RangeError(`--${name} needs a whole number: ${text}`);
}
