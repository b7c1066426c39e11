/** A round of the soak on disks in memory, behind filters, in a machine of its own. */

import { BlockError } from '../src/base/errors.ts';
import { seededRandom } from '../src/base/random.ts';
import { drained } from '../src/block/drain.ts';
import type { BlockNode } from '../src/block/node.ts';
import type { VirtioBlockDevice } from '../src/device/virtio-blk.ts';
import { sleep } from '../src/env/env.ts';
import { nodeEnv } from '../src/env/node.ts';
import { blkdebugOf } from '../src/filters/blkdebug.ts';
import type { BlkdebugControl } from '../src/filters/blkdebug-control.ts';
import { passThrough } from '../src/filters/pass-through.ts';
import { writeCacheOf } from '../src/filters/write-cache.ts';
import type { JobOutcome } from '../src/jobs/events.ts';
import type { StartedMirror } from '../src/machine/jobs.ts';
import { Machine, type MachineEvent } from '../src/machine/machine.ts';
import { DiskContent } from './soak-content.ts';
import type { Counts, Outcome } from './soak-counts.ts';
import { type SoakGuest, startGuest } from './soak-guests.ts';
import { judgeRound, type MemoryResult } from './soak-judge.ts';
import type { Frozen } from './soak-log.ts';
import type { Action, MemoryPlan } from './soak-plan.ts';
import { type Asked, type Handle, perform, type Stage } from './soak-script.ts';
import { NAMES } from './soak-trees.ts';

const JOB = 'soak';
const GARBAGE_SEED = 4711;
/** Options of filters that make a read wait. */
const WAITS = /"read-ms":(?!0[,}])|-total"/;
/** How long guests go on after a mirror is over, at most, in milliseconds. */
const AFTER_MS = 150;

export class MemoryRound {
  readonly #plan: MemoryPlan;
  readonly #counts: Counts;
  readonly #env;
  readonly #machine: Machine;
  readonly #content: DiskContent;
  /** Both disks can be read at once. */
  readonly #isInstant: boolean;
  readonly #guests: SoakGuest[] = [];
  readonly #pending: Promise<unknown>[] = [];
  #device: VirtioBlockDevice | undefined;
  #started: StartedMirror | undefined;
  #nextRule = 0;
  #scriptStops = 0;
  #isHelped = false;
  #isCut = false;
  #isEnding = false;
  #areStopped = false;
  #wasReady = false;
  #isStill = false;
  /** What the guests knew when the result was about to count. */
  #atEnd: readonly Frozen[] | undefined;

  constructor(plan: MemoryPlan, counts: Counts) {
    this.#plan = plan;
    this.#counts = counts;
    this.#env = { ...nodeEnv(), random: seededRandom(plan.contentSeed) };
    this.#machine = new Machine(this.#env);
    this.#content = new DiskContent(plan.contentSeed, plan.size);
    this.#isInstant = !WAITS.test(JSON.stringify([plan.source, plan.target]));
  }

  /** What can be said of it when it does not end. */
  describe(): string {
    const { job, work } = this.#started ?? {};
    const nodes = this.#machine.graph.nodes.map(({ name, inFlight }) => `${name}:${inFlight}`);
    const state = { ...job?.state, ...work?.progress(), isResting: job?.isResting };
    const machine = this.#machine.runState.status;
    const queue = this.#device?.queueDepth;
    return JSON.stringify({ state, inFlight: work?.inFlight, nodes, machine, queue });
  }

  async run(): Promise<void> {
    const { graph } = this.#machine;
    await this.#open();
    this.#machine.subscribe((event) => this.#observe(event));
    if (this.#plan.guestsFirst) this.#startGuests();
    const started = await this.#start();
    if (!this.#plan.guestsFirst) this.#startGuests();
    const stage = this.#stage(started);
    const asked = await perform(stage, this.#plan);
    const outcome = await started.job.finished;
    if (!this.#plan.autoDismiss) started.job.dismiss();
    await this.#rest();
    const result = { outcome, asked, switched: started.work.switched, atEnd: this.#atEnd };
    this.#countOutcome(result);
    await judgeRound(this.#plan, this.#counts, this.#result(result));
    await this.#machine.close();
    if (graph.nodes.length > 0 || this.#machine.jobs.all.length > 0) {
      this.#counts.found.leaks += 1;
      this.#counts.violate(`after close there is left: ${this.describe()}`);
    }
  }

  async #open(): Promise<void> {
    const { graph } = this.#machine;
    const { source, target, garbage, contentSeed, size, queueSize, fault } = this.#plan;
    await graph.open(source);
    await graph.open(target);
    // Straight to the disks: nothing is in the filters yet.
    for (const { offset, bytes } of this.#content.pieces(size)) {
      await graph.find(NAMES.disk('source')).write(offset, bytes, { forceUnitAccess: false });
    }
    if (garbage) {
      const other = new DiskContent(contentSeed + GARBAGE_SEED, size);
      for (const { offset, bytes } of other.pieces(size)) {
        await graph.find(NAMES.disk('target')).write(offset, bytes, { forceUnitAccess: false });
      }
    }
    const { rerror, werror } = fault.device;
    this.#device = this.#machine.addDevice('source', { name: 'vda', queueSize, rerror, werror });
  }

  async #start(): Promise<StartedMirror> {
    const { mirror, autoFinalize, autoDismiss } = this.#plan;
    const ends = { id: JOB, source: 'source', target: 'target' };
    const started = await this.#machine.jobs.startMirror({
      ...ends,
      ...mirror,
      autoFinalize,
      autoDismiss,
    });
    this.#started = started;
    return started;
  }

  #startGuests(): void {
    const device = this.#device;
    if (!device) return;
    for (const entry of this.#plan.guests) {
      this.#guests.push(startGuest(device, this.#env.clock, entry));
    }
  }

  #stage(started: StartedMirror): Stage {
    return {
      clock: this.#env.clock,
      counts: this.#counts,
      handle: handleOf(started),
      act: (action) => this.#act(action),
      stopGuests: () => this.#stopGuests(),
      help: () => {
        this.#isHelped = true;
        this.#disarm();
      },
      retryMs: this.#plan.retryMs,
    };
  }

  /** Looks at every event, at its very moment. */
  #observe(event: MachineEvent): void {
    if (event.event === 'STOP') this.#keepRunning();
    if (event.event !== 'JOB_STATUS_CHANGE') return;
    const { status } = event.data;
    if (status === 'pending') {
      this.#atEnd = this.#guests.map((guest) => guest.freeze());
      this.#isStill = this.#areStopped || this.#guests.length === 0;
    }
    // The moment at which both are equal; what filters hold back cannot be looked at so.
    if (status === 'pending' || status === 'ready') this.#compareNow(status);
    // What is armed still is not for the guest on the target.
    if (status === 'concluded') this.#disarm();
  }

  /** Source and target read the same, under the drain of the job. */
  #compareNow(status: string): void {
    const { mirror, size } = this.#plan;
    // Later it may be ready again, having been paused, without a drain.
    const isAgain = status === 'ready' && this.#wasReady;
    this.#wasReady = true;
    if (mirror.sync === 'none' || isAgain || !this.#isInstant) return;
    const ends = (['source', 'target'] as const).map((name) => {
      const bytes = new Uint8Array(size);
      const reading = this.#machine.graph.find(name).read(0, bytes);
      if (!(reading instanceof Promise)) return bytes;
      reading.catch(() => {});
      return undefined;
    });
    const [source, target] = ends;
    if (!source || !target) return;
    this.#counts.verified.momentsUnderDrain += 1;
    this.#counts.verified.comparedBytes += size;
    if (Buffer.compare(source, target) === 0) return;
    const at = source.findIndex((byte, index) => byte !== target[index]);
    this.#counts.mismatch(`source and target differ at ${at} when the job becomes ${status}`);
  }

  async #act(action: Action): Promise<void> {
    const { runState, graph } = this.#machine;
    switch (action.verb) {
      case 'stop':
        this.#scriptStops += 1;
        this.#pending.push(runState.stop().catch(ignoreBlockError));
        return;
      case 'cont':
        this.#scriptStops -= 1;
        runState.cont();
        return;
      case 'unplug':
        if (this.#device) this.#pending.push(this.#machine.unplug(this.#device));
        return;
      case 'drain':
        return drained(graph.find(action.node), () => sleep(this.#env.clock, action.forMs));
      case 'filter': {
        const node = graph.find(action.node);
        const filter = await graph.insertFilter(node, { driver: 'pass' }, (child) =>
          passThrough(child),
        );
        await sleep(this.#env.clock, action.forMs);
        await graph.removeFilter(filter);
        return;
      }
      case 'arm':
        return this.#arm();
      case 'power-cut':
        return this.#cutPower();
    }
  }

  #arm(): void {
    const rule = this.#plan.fault.rules[this.#nextRule];
    if (!rule || this.#isHelped) return;
    this.#nextRule += 1;
    this.#faults()?.arm(rule);
  }

  async #cutPower(): Promise<void> {
    const cache = writeCacheOf(this.#machine.graph.find(NAMES.cache('target')));
    if (!cache) throw new TypeError('Cannot cut the power: the target has no cache');
    this.#isCut = true;
    const { lost, torn } = await cache.powerCut();
    this.#counts.faults.fired += lost.length + (torn ? 1 : 0);
  }

  #faults(): BlkdebugControl | undefined {
    const { role } = this.#plan.fault;
    if (!role || this.#plan.fault.kind === 'power-cut') return undefined;
    return blkdebugOf(this.#machine.graph.find(NAMES.faults(role)));
  }

  #disarm(): void {
    const faults = this.#faults();
    for (const { id } of faults?.receipts ?? []) {
      faults?.disarm(id);
      if (this.#plan.fault.kind !== 'hang' || this.#isEnding) faults?.release(id);
    }
  }

  /** Continues a machine that an error has stopped, now or when it stops again. */
  #keepRunning(): void {
    const { clock } = this.#env;
    const go = async () => {
      await sleep(clock, this.#plan.retryMs);
      const { runState } = this.#machine;
      if (runState.status === 'io-error' && this.#scriptStops === 0) runState.cont();
    };
    this.#pending.push(go());
  }

  async #stopGuests(): Promise<void> {
    await Promise.all(this.#guests.map((guest) => guest.stop()));
    this.#areStopped = true;
  }

  /** Lets the guests go on for a while, and stops everything that goes on. */
  async #rest(): Promise<void> {
    const { clock } = this.#env;
    const { runState } = this.#machine;
    this.#disarm();
    if (!runState.running) runState.cont();
    await sleep(clock, this.#plan.contentSeed % AFTER_MS);
    await this.#stopGuests();
    this.#isEnding = true;
    this.#disarm();
    await Promise.all(this.#pending);
    for (const [index, guest] of this.#guests.entries()) {
      this.#counts.addGuest(guest.totals(), `guest ${index + 1}`);
    }
    const receipts = this.#faults()?.receipts ?? [];
    this.#counts.faults.fired += receipts.reduce((sum, { fired }) => sum + fired, 0);
  }

  #result(ended: Ended): MemoryResult {
    const { graph } = this.#machine;
    const node = (name: string): BlockNode => graph.find(name);
    return {
      ...{ source: node('source'), target: node('target'), content: this.#content },
      ...{ outcome: ended.outcome.status, switched: ended.switched },
      atEnd: ended.atEnd,
      now: this.#guests.map((guest) => guest.freeze()),
      isStill: this.#isStill,
    };
  }

  /** Checks that it ended as it was asked to, or as its faults let it. */
  #countOutcome({ outcome, asked, switched }: Ended): void {
    const counts = this.#counts;
    if (outcome.status === 'completed' && !this.#atEnd) {
      counts.violate('the mirror has completed without having been pending');
    }
    const name: Outcome =
      outcome.status === 'completed' ? (switched ? 'switched' : 'finished') : outcome.status;
    counts.outcomes[name] += 1;
    const fired = this.#isCut || (this.#faults()?.receipts ?? []).some((rule) => rule.fired > 0);
    const isMeant = {
      switched: asked.complete,
      finished: asked.cancel,
      cancelled: asked.cancel || asked.force,
      failed: fired && this.#plan.fault.kind !== 'guest',
    }[name];
    if (isMeant) return;
    const error = outcome.status === 'failed' ? `: ${outcome.error.message}` : '';
    counts.violate(`the mirror ended ${name}${error}, having been asked ${JSON.stringify(asked)}`);
  }
}

interface Ended {
  readonly outcome: JobOutcome;
  readonly asked: Asked;
  readonly switched: boolean;
  readonly atEnd: readonly Frozen[] | undefined;
}

function handleOf({ job, work }: StartedMirror): Handle {
  return {
    get status() {
      return job.status;
    },
    get state() {
      return job.state;
    },
    over: job.finished,
    pause: async () => job.pause(),
    resume: async () => job.resume(),
    setSpeed: async (speed) => job.setSpeed(speed),
    setCopyMode: async (copyMode) => job.change(() => work.setCopyMode(copyMode)),
    complete: async () => job.complete(),
    cancel: async (options) => job.cancel(options),
    finalize: async () => job.finalize(),
  };
}

function ignoreBlockError(error: unknown): void {
  if (!(error instanceof BlockError)) throw error;
}
