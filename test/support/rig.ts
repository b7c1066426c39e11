/** A guest, a source, a target and a mirror between them, all in the hands of the test. */

import { seededRandom } from '../../src/base/random.ts';
import type { DriverDefinition } from '../../src/block/driver.ts';
import { BlockEdge } from '../../src/block/edge.ts';
import { BlockGraph } from '../../src/block/graph.ts';
import type { BlockNode } from '../../src/block/node.ts';
import type { Env } from '../../src/env/env.ts';
import { nodeEnv } from '../../src/env/node.ts';
import type { JobEvent } from '../../src/jobs/events.ts';
import { Job } from '../../src/jobs/job.ts';
import { MirrorWork } from '../../src/jobs/mirror/mirror.ts';
import type { MirrorOptions } from '../../src/jobs/mirror/options.ts';
import type { JobOptions } from '../../src/jobs/work.ts';
import { type Operation, TestDisk } from './drivers.ts';
import { FakeClock } from './fake-clock.ts';
import { settle } from './settle.ts';

export interface RigOptions {
  readonly size: number;
  readonly targetSize?: number;
  /** Whether the target can zero without being sent zeroes. */
  readonly zeroesFast?: boolean;
}

export class Rig {
  readonly clock = new FakeClock();
  readonly env: Env;
  readonly graph: BlockGraph;
  readonly sourceDisk: TestDisk;
  readonly targetDisk: TestDisk;
  readonly source: BlockNode;
  readonly target: BlockNode;
  /** The guest's way to its disk, which a pivot redirects. */
  readonly guest: BlockEdge;
  /** Events as short words: statuses as they are, others by name. */
  readonly told: string[] = [];
  readonly events: JobEvent[] = [];
  /** Called with each of those words, at the moment of the event. */
  onTold: (word: string) => void = () => {};

  static async open(options: RigOptions): Promise<Rig> {
    const { size, targetSize = size, zeroesFast = true } = options;
    const operations = zeroesFast ? (['writeZeroes', 'blockStatus'] as const) : [];
    const disks = {
      source: new TestDisk({ size }),
      target: new TestDisk({ size: targetSize, operations }),
    };
    const clock = new FakeClock();
    const env = { ...nodeEnv(), clock, random: seededRandom(1) };
    const graph = new BlockGraph(env, {
      source: opening(disks.source),
      target: opening(disks.target),
    });
    const source = await graph.open({ driver: 'source', 'node-name': 'source', discard: 'unmap' });
    const target = await graph.open({ driver: 'target', 'node-name': 'target', discard: 'unmap' });
    return new Rig(env, clock, graph, disks, { source, target });
  }

  private constructor(
    env: Env,
    clock: FakeClock,
    graph: BlockGraph,
    disks: { readonly source: TestDisk; readonly target: TestDisk },
    nodes: { readonly source: BlockNode; readonly target: BlockNode },
  ) {
    this.env = env;
    this.clock = clock;
    this.graph = graph;
    this.sourceDisk = disks.source;
    this.targetDisk = disks.target;
    this.source = nodes.source;
    this.target = nodes.target;
    this.guest = new BlockEdge(nodes.source, { name: 'guest' });
  }

  /** Starts a mirror from source to target. */
  async start(
    options: MirrorOptions & Pick<JobOptions, 'autoFinalize' | 'autoDismiss' | 'transaction'> = {},
  ): Promise<{ readonly job: Job; readonly work: MirrorWork }> {
    const { env, graph, source, target } = this;
    const { autoFinalize = true, autoDismiss = true, transaction, ...mirror } = options;
    const onEvent = (event: JobEvent) => {
      this.events.push(event);
      const word = event.event === 'JOB_STATUS_CHANGE' ? event.data.status : event.event;
      this.told.push(word);
      this.onTold(word);
    };
    const id = 'mirror0';
    const speed = options.speed ?? 0;
    const { clock } = env;
    const common = { id, type: 'mirror', speed, clock, onEvent } as const;
    const job = new Job({
      ...common,
      autoFinalize,
      autoDismiss,
      ...(transaction && { transaction }),
    });
    const settings = MirrorWork.check({ graph, source, target }, mirror);
    const work = await MirrorWork.start({ env, graph, id, parent: job, source, target }, settings);
    job.start(work);
    return { job, work };
  }

  /** Completes what waits at a disk's gate, but for one operation. */
  completeHeld(disk: TestDisk, except?: Operation): void {
    for (const held of [...disk.gate.held]) if (held.operation !== except) held.complete();
  }

  /** Completes what waits at a disk's gate until a request of that operation waits there. */
  async reach(disk: TestDisk, operation: Operation): Promise<void> {
    await this.runUntil(() => {
      this.completeHeld(disk, operation);
      return disk.gate.held.some((held) => held.operation === operation);
    });
  }

  /** Lets time pass in small steps until `isOver`, with everything that follows from it. */
  async runUntil(isOver: () => boolean): Promise<void> {
    for (let step = 0; !isOver(); step += 1) {
      if (step > 10_000) throw new Error(`Nothing comes of waiting: ${this.told.join(' ')}`);
      await settle();
      await this.clock.advance(10);
      await settle();
    }
  }
}

function opening(disk: TestDisk): DriverDefinition {
  return { summary: 'a test disk', options: () => ({}), open: async () => disk };
}
