/**
 * A round of the soak on real files, by the library; perhaps closed in the middle and gone on with.
 */

import { access, mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sleep } from '../src/env/env.ts';
import { nodeEnv } from '../src/env/node.ts';
import { type Disk, type Mirror, type MirrorOutcome, openDisk } from '../src/index.ts';
import { sleepUntil } from '../src/sync/alarm.ts';
import { DiskContent } from './soak-content.ts';
import type { Counts, Outcome } from './soak-counts.ts';
import { Changer, type SoakGuest, startGuest } from './soak-guests.ts';
import { withFiles } from './soak-images.ts';
import { judgeRound } from './soak-judge.ts';
import { ChangeLog, type Frozen } from './soak-log.ts';
import type { FilesPlan, GuestEntry } from './soak-plan.ts';
import { type Asked, type Handle, perform } from './soak-script.ts';

const GARBAGE_SEED = 4711;
const AFTER_MS = 100;

export class FilesRound {
  readonly #plan: FilesPlan;
  readonly #counts: Counts;
  readonly #clock = nodeEnv().clock;
  readonly #content: DiskContent;
  /** What each guest that can be gone on with has written. */
  readonly #logs = new Map<GuestEntry, ChangeLog>();
  #folder = '';
  #mirror: Mirror | undefined;
  #guests: readonly SoakGuest[] = [];
  #areStopped = false;
  #isStill = false;

  constructor(plan: FilesPlan, counts: Counts) {
    this.#plan = plan;
    this.#counts = counts;
    this.#content = new DiskContent(plan.contentSeed, plan.size);
  }

  /** What can be said of it when it does not end. */
  describe(): string {
    const mirror = this.#mirror;
    return JSON.stringify({ folder: this.#folder, state: mirror?.state, ...mirror?.progress });
  }

  async run(): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), 'mirrordisk-soak-'));
    try {
      const { size, contentSeed, existing, interruptions } = this.#plan;
      await makeImage(this.#path('source'), this.#content, size);
      if (existing) {
        const other = new DiskContent(contentSeed + GARBAGE_SEED, size);
        await makeImage(this.#path('target'), other, size);
      }
      for (const lifeMs of interruptions) await this.#live(lifeMs);
      await this.#end();
    } finally {
      await rm(this.#folder, { recursive: true, force: true });
    }
  }

  #path(role: 'source' | 'target'): string {
    return join(this.#folder, `${role}.img`);
  }

  /** Mirrors for a while, and closes the disk. */
  async #live(lifeMs: number): Promise<void> {
    const disk = await openDisk(this.#path('source'));
    const mirror = await this.#start(disk);
    await sleepUntil(this.#clock, lifeMs, mirror.finished);
    // The guest does not know: its requests fail, or are answered, as it happens.
    await disk.close();
    await this.#stopGuests();
    this.#countGuests();
  }

  async #end(): Promise<void> {
    const disk = await openDisk(this.#path('source'));
    const mirror = await this.#start(disk);
    const asked = await perform(
      {
        clock: this.#clock,
        counts: this.#counts,
        handle: this.#handle(mirror),
        act: async () => {},
        stopGuests: () => this.#stopGuests(),
        help: () => {},
        retryMs: 0,
      },
      this.#plan,
    );
    const outcome = await mirror.finished;
    this.#isStill ||= this.#guests.length === 0;
    await sleep(this.#clock, this.#plan.contentSeed % AFTER_MS);
    await this.#stopGuests();
    await disk.close();
    this.#countGuests();
    this.#countOutcome(outcome, asked);
    await this.#judge(outcome);
    await this.#checkFolder();
  }

  async #start(disk: Disk): Promise<Mirror> {
    const { mirror: options, persist } = this.#plan;
    const target = this.#path('target');
    // What is there may be written over, unless it is to be gone on with.
    const overwrite = (await exists(target)) && !(await exists(`${target}.mirrordisk-journal`));
    const mirror = await disk.mirror(target, { ...options, persist, overwrite });
    this.#mirror = mirror;
    if (mirror.resumedBytes !== undefined) this.#counts.resumed.closed += 1;
    this.#areStopped = false;
    this.#guests = this.#plan.guests.map((entry) => {
      if (entry.kind === 'writer') return startGuest(disk.device, this.#clock, entry);
      const log = this.#logs.get(entry) ?? new ChangeLog(entry.options);
      this.#logs.set(entry, log);
      const changer = new Changer(disk.device, this.#clock, entry.options, log);
      changer.start();
      return changer;
    });
    return mirror;
  }

  /** A verb of the library resolves when the mirror is over: here, when it was accepted. */
  #handle(mirror: Mirror): Handle {
    const asked = async (ending: Promise<unknown>) => {
      this.#isStill = this.#areStopped;
      await Promise.race([ending, this.#clock.turn()]);
    };
    return {
      get status() {
        return mirror.status;
      },
      get state() {
        return mirror.state;
      },
      over: mirror.finished,
      pause: async () => mirror.pause(),
      resume: async () => mirror.resume(),
      setSpeed: async (speed) => mirror.setSpeed(speed),
      setCopyMode: async (copyMode) => mirror.setCopyMode(copyMode),
      complete: () => asked(mirror.complete()),
      cancel: (options) => asked(mirror.cancel(options)),
      finalize: async () => mirror.finalize(),
    };
  }

  async #stopGuests(): Promise<void> {
    await Promise.all(this.#guests.map((guest) => guest.stop()));
    this.#areStopped = true;
  }

  #countGuests(): void {
    for (const [index, guest] of this.#guests.entries()) {
      this.#counts.addGuest(guest.totals(), `guest ${index + 1}`);
    }
  }

  async #judge(outcome: MirrorOutcome): Promise<void> {
    const ended = {
      content: this.#content,
      outcome: outcome.status,
      switched: outcome.status === 'completed' && outcome.switched,
      now: this.#guests.map((guest): Frozen => guest.freeze()),
      atEnd: undefined,
      isStill: this.#isStill,
    };
    const source = this.#path('source');
    const target = outcome.status === 'completed' ? this.#path('target') : source;
    await withFiles(source, target, (nodes) =>
      judgeRound(this.#plan, this.#counts, { ...nodes, ...ended }),
    );
  }

  #countOutcome(outcome: MirrorOutcome, asked: Asked): void {
    const counts = this.#counts;
    const name: Outcome =
      outcome.status === 'completed'
        ? outcome.switched
          ? 'switched'
          : 'finished'
        : outcome.status;
    counts.outcomes[name] += 1;
    const isMeant = {
      switched: asked.complete,
      finished: asked.cancel,
      cancelled: asked.cancel || asked.force,
      failed: false,
    }[name];
    if (isMeant) return;
    const error = outcome.status === 'failed' ? `: ${outcome.error.message}` : '';
    counts.violate(`the mirror ended ${name}${error}, having been asked ${JSON.stringify(asked)}`);
  }

  async #checkFolder(): Promise<void> {
    const left = await readdir(this.#folder);
    const strays = left.filter((name) => name !== 'source.img' && name !== 'target.img');
    if (strays.length === 0) return;
    this.#counts.found.leaks += 1;
    this.#counts.violate(`files are left: ${strays.join(', ')}`);
  }
}

/** Makes a sparse image that holds the content. */
export async function makeImage(path: string, content: DiskContent, size: number): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await file.truncate(size);
    for (const { offset, bytes } of content.pieces(size)) {
      await file.write(bytes, 0, bytes.length, offset);
    }
  } finally {
    await file.close();
  }
}

/** Whether there is a file of that name. */
export function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
