/**
 * A round of the soak in which the process that mirrors is killed again and again.
 *
 * Each process goes on where the one before was, by `persist`, with guests that go on as well. The
 * last brings the mirror to its end, unless one before did: then the journal is gone, and so it is
 * known where the guests were.
 */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DiskContent } from './soak-content.ts';
import type { Counts } from './soak-counts.ts';
import type { CrashReport, CrashTask } from './soak-crash-child.ts';
import { replay } from './soak-crash-log.ts';
import { exists, makeImage } from './soak-files.ts';
import { withFiles } from './soak-images.ts';
import { judgeRound } from './soak-judge.ts';
import { ChangeLog } from './soak-log.ts';
import type { CrashPlan } from './soak-plan.ts';

const CHILD = fileURLToPath(new URL('./soak-crash-child.js', import.meta.url));
/** The last process is killed too if it takes longer than this, in milliseconds. */
const LAST_LIFE_MS = 45_000;
/** A journal that was made void by a process that then could not remove it any more. */
const WAS_FINISHED = /a mirror that has not finished/;

interface Life {
  readonly code: number | null;
  readonly report: CrashReport | undefined;
  readonly complaint: string;
}

export class CrashRound {
  readonly #plan: CrashPlan;
  readonly #counts: Counts;
  readonly #content: DiskContent;
  #folder = '';
  #life = 0;

  constructor(plan: CrashPlan, counts: Counts) {
    this.#plan = plan;
    this.#counts = counts;
    this.#content = new DiskContent(plan.contentSeed, plan.size);
  }

  /** What can be said of it when it does not end. */
  describe(): string {
    return JSON.stringify({ folder: this.#folder, life: this.#life });
  }

  async run(): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), 'mirrordisk-soak-'));
    try {
      await makeImage(this.#path('source.img'), this.#content, this.#plan.size);
      await writeFile(this.#path('record'), '');
      if (await this.#mirror()) await this.#judge();
    } finally {
      await rm(this.#folder, { recursive: true, force: true });
    }
  }

  /** @returns Whether there is anything to be judged. */
  async #mirror(): Promise<boolean> {
    for (const lifeMs of [...this.#plan.lives, undefined]) {
      const life = await this.#live(lifeMs);
      if (life.report?.resumedBytes !== undefined) this.#counts.resumed.killed += 1;
      for (const message of life.report?.wrong ?? []) this.#counts.mismatch(`guest: ${message}`);
      if (life.code === 0) return true;
      const wasKilled = life.code === null;
      if (wasKilled && lifeMs !== undefined) this.#counts.kills.count += 1;
      if (wasKilled && lifeMs === undefined) {
        this.#counts.violate(`the last process did not end the mirror: ${life.complaint}`);
        return false;
      }
      if (!wasKilled && WAS_FINISHED.test(life.complaint)) await this.#startOver();
      else if (!wasKilled) {
        this.#counts.violate(`process ${this.#life} failed: ${life.complaint}`);
        return false;
      }
      if (await this.#isOver()) return true;
    }
    this.#counts.violate('no process ended the mirror');
    return false;
  }

  async #live(lifeMs: number | undefined): Promise<Life> {
    this.#life += 1;
    const { guests, mirror, ending, endsEarly } = this.#plan;
    const task: CrashTask = {
      source: this.#path('source.img'),
      target: this.#path('target.img'),
      record: this.#path('record'),
      life: this.#life,
      guests: guests.flatMap((guest) => (guest.kind === 'changer' ? [guest.options] : [])),
      mirror: { ...mirror, persist: true },
      ending: endsEarly || lifeMs === undefined ? ending : undefined,
    };
    const stdio = ['ignore', 'ignore', 'pipe', 'ipc'] as const;
    const child = fork(CHILD, [JSON.stringify(task)], { execArgv: [], stdio: [...stdio] });
    let complaint = '';
    let report: CrashReport | undefined;
    child.stderr?.on('data', (data: Buffer) => {
      complaint += data.toString();
    });
    child.on('message', (message) => {
      // Only our own process writes there.
      report = message as CrashReport;
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), lifeMs ?? LAST_LIFE_MS);
    const kill = () => child.kill('SIGKILL');
    process.once('exit', kill);
    const [code]: (number | null)[] = await once(child, 'close');
    clearTimeout(timer);
    process.off('exit', kill);
    return { code: code ?? null, report, complaint };
  }

  /** Whether the mirror has ended well: its journal goes just before that counts. */
  async #isOver(): Promise<boolean> {
    const target = this.#path('target.img');
    return (await exists(target)) && !(await exists(`${target}.mirrordisk-journal`));
  }

  /** The guests have not left the source, for that comes after the journal is gone. */
  async #startOver(): Promise<void> {
    await rm(this.#path('target.img'));
    await rm(this.#path('target.img.mirrordisk-journal'));
  }

  async #judge(): Promise<void> {
    const { guests, ending, size } = this.#plan;
    const logs = guests.map(({ options }) => {
      return new ChangeLog({
        ...options,
        seed: options.seed ?? 0,
        blockSize: options.blockSize ?? 0,
      });
    });
    const { isFinished, writes, bytes } = await replay(this.#path('record'), logs);
    this.#counts.guests.writes += writes;
    this.#counts.guests.bytes += bytes;
    const switched = ending.kind === 'switch';
    this.#counts.outcomes[switched ? 'switched' : 'finished'] += 1;
    if (isFinished && !(await this.#isOver())) {
      this.#counts.violate('the mirror has ended, and its journal is there');
    }
    const now = logs.map((log) => log.freeze());
    const ended = { outcome: 'completed', switched, atEnd: undefined, isStill: !switched } as const;
    const { source, target } = { source: 'source.img', target: 'target.img' };
    await withFiles(this.#path(source), this.#path(target), (nodes) =>
      judgeRound({ size, mirror: {} }, this.#counts, {
        ...{ ...nodes, ...ended },
        ...{ content: this.#content, now },
      }),
    );
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }
}
