/**
 * The option `--trace`: which trace points are told of, and where.
 *
 *     [enable=]PATTERN      a name with * and ?, or after a minus one that is told of no more
 *     events=FILE           patterns, a line each; those that begin with # do not count
 *     file=FILE             where to, instead of standard error
 */

import { openSync, readFileSync, writeSync } from 'node:fs';
import { BlockError, fromSystemError } from '../base/errors.ts';
import type { Trace } from '../env/env.ts';
import { parseOptionList } from '../wire/options/option-list.ts';

/** What tracing begins with. */
export interface TracerParts {
  readonly points: readonly string[];
  /** Tells the user something. */
  readonly err: (line: string) => void;
}

export class Tracer {
  /** The names of all trace points. */
  readonly points: readonly string[];
  readonly #enabled = new Set<string>();
  #write: (line: string) => void;

  constructor({ points, err }: TracerParts) {
    this.points = points;
    this.#write = err;
  }

  /** What takes trace points, while there are any that somebody wants. */
  get trace(): Trace | undefined {
    return this.#enabled.size > 0 ? this.#take : undefined;
  }

  /**
   * Does what the option says.
   *
   * @returns Warnings. @throws {BlockError} For other options, and files that cannot be opened.
   */
  configure(text: string): readonly string[] {
    const { options } = parseOptionList(text, { impliedName: 'enable' });
    const foreign = options.find(({ name }) => !['enable', 'events', 'file'].includes(name));
    if (foreign) {
      throw new BlockError('EINVAL', 'trace', `Invalid parameter '${foreign.name}'`);
    }
    return options.flatMap(({ name, value }) => {
      if (name === 'enable') return this.#enable(value);
      if (name === 'events') return patternsIn(value).flatMap((line) => this.#enable(line));
      const file = opened(`Error opening logfile ${value}`, () => openSync(value, 'w'));
      this.#write = (line) => void writeSync(file, `${line}\n`);
      return [];
    });
  }

  /** @returns What is wrong with the pattern, if anything is. */
  #enable(given: string): readonly string[] {
    const isOff = given.startsWith('-');
    const pattern = isOff ? given.slice(1) : given;
    const found = this.points.filter((point) => matches(point, pattern));
    for (const point of found) {
      if (isOff) this.#enabled.delete(point);
      else this.#enabled.add(point);
    }
    const isMistaken = found.length === 0 && !/[*?]/.test(pattern);
    return isMistaken ? [`trace event '${pattern}' does not exist`] : [];
  }

  readonly #take: Trace = (point, text) => {
    if (this.#enabled.has(point)) this.#write(`${point} ${text}`);
  };
}

function patternsIn(path: string): readonly string[] {
  const lines = opened(path, () => readFileSync(path, 'utf8')).split('\n');
  return lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
}

/** @param what Is said of it when it cannot be opened. */
function opened<T>(what: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    const known = fromSystemError(error, 'trace');
    if (!(known instanceof BlockError)) throw known;
    throw new BlockError(known.code, 'trace', `${what}: ${known.reason}`, { cause: error });
  }
}

function matches(point: string, pattern: string): boolean {
  const escaped = pattern.replace(/[\\^$.|+()[\]{}]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`).test(point);
}
