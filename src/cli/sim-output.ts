/** Where what a simulation has found goes: files with seeds, pages and pictures. */

import { readFile, writeFile } from 'node:fs/promises';
import { BlockError, fromSystemError } from '../base/errors.ts';
import type { Seed } from '../sim/seed-file.ts';
import { writeSeed } from '../sim/seed-file.ts';
import { drawTimelinePage, type PageParts } from '../sim/timeline-page.ts';
import { drawTimelineSvg } from '../sim/timeline-svg.ts';
import type { CommandIo } from './command.ts';
import { printable } from './words.ts';

/** Options that commands of the simulation share. */
export const OUTPUT_OPTIONS = {
  html: { type: 'string' },
  svg: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

export interface OutputWishes {
  /** One JSON object a line instead of text. */
  readonly json: boolean;
  /** Where a page goes, and where a picture, if anywhere. */
  readonly html?: string | undefined;
  readonly svg?: string | undefined;
}

/** How many names are tried for a file that nobody has named. */
const NAMES_MAX = 1000;
/** The narrowest table that can be read, and the width where there is no terminal. */
const WIDTH_MIN = 60;
const WIDTH_DEFAULT = 100;

/** @returns How wide a table may be. */
export function tableWidth({ columns = WIDTH_DEFAULT }: CommandIo): number {
  return Math.max(columns, WIDTH_MIN);
}

/** @returns The command that replays a seed file, as a shell takes it. */
export function replayCommand(path: string): string {
  const isPlain = /^[\w./+,:@%=-]+$/.test(path);
  return `mirrordisk replay ${isPlain ? path : `'${path.replaceAll("'", "'\\''")}'`}`;
}

/** @throws {BlockError} When the file cannot be read. */
export function readText(path: string): Promise<string> {
  return attempt(`read "${path}"`, () => readFile(path, 'utf8'));
}

/**
 * Writes a seed to the file named, in the place of what is there, or to one with a name that was
 * free.
 *
 * @returns The name.
 */
export async function keepSeed(seed: Seed, path: string | undefined): Promise<string> {
  const text = writeSeed(seed);
  if (path !== undefined) {
    await attempt(`write "${path}"`, () => writeFile(path, text));
    return path;
  }
  for (let number = 1; ; number += 1) {
    const name = `mirrordisk-failure${number === 1 ? '' : `-${number}`}.json`;
    try {
      await attempt(`write "${name}"`, () => writeFile(name, text, { flag: 'wx' }));
      return name;
    } catch (error) {
      const isTaken = error instanceof BlockError && error.code === 'EEXIST';
      if (!isTaken || number === NAMES_MAX) throw error;
    }
  }
}

/** Writes the page and the picture that are wished for. @returns Their names. */
export async function draw(parts: PageParts, wishes: OutputWishes): Promise<readonly string[]> {
  const { html, svg } = wishes;
  const written: string[] = [];
  if (html !== undefined) {
    await attempt(`write "${html}"`, () => writeFile(html, drawTimelinePage(parts)));
    written.push(html);
  }
  if (svg !== undefined) {
    const text = `${drawTimelineSvg(parts.trace, parts.violation)}\n`;
    await attempt(`write "${svg}"`, () => writeFile(svg, text));
    written.push(svg);
  }
  return written;
}

/** Writes an event as JSON; without the time, so that what is the same reads the same. */
export function tellJson(io: CommandIo, event: string, data: object): void {
  io.out(JSON.stringify({ event, data }));
}

/** Says of something that does not change the answer why it could not be done. */
export function tellTrouble(io: CommandIo, error: unknown): void {
  if (!(error instanceof BlockError)) throw error;
  io.err(printable(error.message));
}

async function attempt<T>(action: string, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    throw fromSystemError(error, action);
  }
}
