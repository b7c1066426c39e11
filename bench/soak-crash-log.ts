/**
 * The record that a process of a crash round keeps of what its guests do, for those after it.
 *
 * Each step is one write of 12 bytes at the end of a file, done before anything comes of it: so it
 * is there, whole, whenever the process is killed.
 *
 *     byte 0 step, 1 kind of change, 2-3 guest, 4-7 block, 8-9 magic, 10-11 process
 */

import { writeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { CHANGES, type ChangeLog, type LogRecord } from './soak-log.ts';

const LENGTH = 12;
const MAGIC = 0x4b53;
const STEPS = ['begin', 'acknowledge', 'fail', 'finished'] as const;

/** Writes records to an open file. */
export class CrashRecorder {
  readonly #descriptor: number;
  readonly #bytes = Buffer.alloc(LENGTH);

  /** @param life The how-manieth process of its round this is, from 1. */
  constructor(descriptor: number, life: number) {
    this.#descriptor = descriptor;
    this.#bytes.writeUInt16LE(MAGIC, 8);
    this.#bytes.writeUInt16LE(life, 10);
  }

  change(guest: number, record: LogRecord): void {
    const kind = record.step === 'begin' ? CHANGES.indexOf(record.kind) : 0;
    this.#write(record.step, { kind, guest, block: record.block });
  }

  /** The mirror has ended as it should. */
  finish(): void {
    this.#write('finished', { kind: 0, guest: 0, block: 0 });
  }

  #write(
    step: (typeof STEPS)[number],
    {
      kind,
      guest,
      block,
    }: { readonly kind: number; readonly guest: number; readonly block: number },
  ): void {
    this.#bytes[0] = STEPS.indexOf(step);
    this.#bytes[1] = kind;
    this.#bytes.writeUInt16LE(guest, 2);
    this.#bytes.writeUInt32LE(block, 4);
    writeSync(this.#descriptor, this.#bytes);
  }
}

/** What the records say beside the guests' logs. */
export interface Replayed {
  readonly isFinished: boolean;
  /** Changes that were acknowledged, and their bytes. */
  readonly writes: number;
  readonly bytes: number;
}

/** Repeats in the guests' logs what was recorded by processes that are dead. */
export async function replay(path: string, logs: readonly ChangeLog[]): Promise<Replayed> {
  const file = await readFile(path);
  let [isFinished, writes, bytes] = [false, 0, 0];
  let alive = 0;
  for (let at = 0; at + LENGTH <= file.length; at += LENGTH) {
    const step = STEPS[file[at] ?? -1];
    const log = logs[file.readUInt16LE(at + 2)];
    if (file.readUInt16LE(at + 8) !== MAGIC || !step || !log) {
      throw new TypeError(`Cannot read "${path}": there is no record at ${at}`);
    }
    if (step === 'finished') {
      isFinished = true;
      continue;
    }
    const block = file.readUInt32LE(at + 4);
    const process = file.readUInt16LE(at + 10);
    // What another process had in flight died with it.
    if (process !== alive) for (const each of logs) each.failAll();
    alive = process;
    const kind = CHANGES[file[at + 1] ?? 0] ?? 'write';
    log.replay(step === 'begin' ? { step, block, kind } : { step, block });
    if (step !== 'acknowledge') continue;
    writes += 1;
    bytes += log.blockSize;
  }
  for (const log of logs) log.failAll();
  return { isFinished, writes, bytes };
}
