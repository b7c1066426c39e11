import { describe, expect, it } from 'vitest';
import { Governor, type MirrorSituation } from '../../../src/jobs/mirror/governor.ts';
import { PairRig } from '../../support/pair-rig.ts';

const KiB = 1024;
const UNIT = 4 * KiB;
const BUDGET_MS = 10;

/** A governor, the ration it has given last, and a second hand. */
class Governed {
  readonly rig = new PairRig({
    size: 4096 * KiB,
    granularity: UNIT,
    bufSize: 1024 * KiB,
    copyMode: 'background',
  });
  readonly rations: number[] = [];
  readonly governor: Governor;
  nowMs = 5000;
  situation: MirrorSituation = {
    rates: { copyRate: 1000, dirtyRate: 0, outlook: 'converges', secondsLeft: 1 },
    wantsToMeet: true,
  };

  constructor({ isAdaptive = true } = {}) {
    const { pair, copier } = this.rig;
    const setRation = copier.setRation.bind(copier);
    copier.setRation = (bytes) => {
      this.rations.push(bytes);
      setRation(bytes);
    };
    this.governor = new Governor({ pair, copier, budgetMs: BUDGET_MS, isAdaptive });
  }

  get ration(): number | undefined {
    return this.rations.at(-1);
  }

  /** Lets 200 ms pass in which the guest had these latencies and wrote so many bytes. */
  tick(latenciesMs: readonly number[] = [], written = 0): void {
    for (const latencyMs of latenciesMs) this.governor.note(latencyMs, 0);
    if (written > 0) this.governor.note(1, written);
    this.nowMs += 200;
    this.governor.adjust(this.nowMs, () => this.situation);
  }

  /** Lets seconds pass with a quiet guest. */
  pass(seconds: number, written = 0): void {
    for (let count = 0; count < seconds * 5; count += 1) this.tick([], written / 5);
  }

  outlook(outlook: MirrorSituation['rates']['outlook'], wantsToMeet = true): void {
    const dirtyRate = { converges: 500, stalls: 1000, diverges: 2000, unknown: 0 }[outlook];
    const rates = { ...this.situation.rates, outlook, dirtyRate };
    this.situation = { ...this.situation, rates, wantsToMeet };
  }
}

describe('the ration of copies', () => {
  it('is halved while the guest is slower than the budget, down to one granule', () => {
    const governed = new Governed();
    const most = governed.rig.copier.rationMax;
    for (let count = 0; count < 3; count += 1) governed.tick([BUDGET_MS * 2]);
    expect(governed.rations).toEqual([most / 2, most / 4, most / 8]);
    for (let count = 0; count < 30; count += 1) governed.tick([BUDGET_MS * 2]);
    expect(governed.ration).toBe(UNIT);
  });

  it('grows by a quarter while there is room, by one granule at least, up to all', () => {
    const governed = new Governed();
    for (let count = 0; count < 40; count += 1) governed.tick([BUDGET_MS * 2]);
    governed.tick([1]);
    expect(governed.ration).toBe(2 * UNIT);
    for (let count = 0; count < 3; count += 1) governed.tick([1]);
    expect(governed.ration).toBe(5 * UNIT);
    governed.tick([1]);
    expect(governed.ration).toBe(6.25 * UNIT);
    for (let count = 0; count < 60; count += 1) governed.tick([1]);
    expect(governed.ration).toBe(governed.rig.copier.rationMax);
  });

  it('stays where the guest is within the budget, but not by much', () => {
    const governed = new Governed();
    governed.tick([BUDGET_MS * 2]);
    const { ration } = governed;
    for (const part of [0.6, 0.8, 1]) governed.tick([BUDGET_MS * part]);
    expect(governed.ration).toBe(ration);
  });

  it('goes by the slowest of a hundred, and not by the one that is slower still', () => {
    const governed = new Governed();
    governed.tick([BUDGET_MS * 2]);
    const ration = governed.ration ?? 0;
    governed.tick([...new Array(999).fill(1), 5000]);
    expect(governed.ration).toBeGreaterThan(ration);
    const grown = governed.ration ?? 0;
    governed.tick([...new Array(90).fill(1), ...new Array(10).fill(5000)]);
    expect(governed.ration).toBe(Math.floor(grown / 2 / UNIT) * UNIT);
  });

  it('grows while the guest asks for nothing, which has no latency to lose', () => {
    const governed = new Governed();
    governed.tick([BUDGET_MS * 2]);
    const ration = governed.ration ?? 0;
    governed.tick();
    expect(governed.ration).toBeGreaterThan(ration);
  });

  it('is looked at every 200 ms only', () => {
    const governed = new Governed();
    governed.tick();
    const looked = governed.rations.length;
    governed.governor.note(BUDGET_MS * 2, 0);
    governed.governor.adjust(governed.nowMs + 199, () => governed.situation);
    expect(governed.rations).toHaveLength(looked);
    governed.governor.adjust(governed.nowMs + 200, () => governed.situation);
    expect(governed.rations).toHaveLength(looked + 1);
  });

  it('is short when guest writes begin to go to both disks', () => {
    const governed = new Governed();
    governed.outlook('diverges', false);
    governed.pass(1);
    governed.tick();
    expect(governed.rig.pair.isActive).toBe(true);
    expect(governed.ration).toBe(8 * UNIT);
  });
});

describe('guest writes', () => {
  it('go to both disks when more and more remains for a second', () => {
    const governed = new Governed();
    governed.outlook('diverges', false);
    governed.pass(1);
    expect(governed.rig.pair.isActive).toBe(false);
    governed.tick();
    expect(governed.rig.pair.isActive).toBe(true);
  });

  it('go to both disks when it stalls for a second, if the job wants to meet', () => {
    const governed = new Governed();
    governed.outlook('stalls', true);
    governed.pass(1.2);
    expect(governed.rig.pair.isActive).toBe(true);
  });

  it('go to the source alone when it stalls in phase 2, where staying close is enough', () => {
    const governed = new Governed();
    governed.outlook('stalls', false);
    governed.pass(10, 5000);
    expect(governed.rig.pair.isActive).toBe(false);
  });

  it('go to both disks when what remains shrinks too slowly to meet soon', () => {
    const governed = new Governed();
    const rates = {
      copyRate: 1000,
      dirtyRate: 901,
      outlook: 'converges',
      secondsLeft: 99,
    } as const;
    governed.situation = { rates, wantsToMeet: true };
    governed.pass(1.2);
    expect(governed.rig.pair.isActive).toBe(true);
  });

  it('stay as they are where the mirror is not adaptive, while copies are rationed', () => {
    const governed = new Governed({ isAdaptive: false });
    governed.outlook('diverges');
    governed.pass(5, 5000);
    expect(governed.rig.pair.isActive).toBe(false);
    governed.rig.pair.setActive(true);
    governed.outlook('converges');
    governed.pass(10);
    expect(governed.rig.pair.isActive).toBe(true);
    governed.tick([BUDGET_MS * 2]);
    expect(governed.ration).toBe(governed.rig.copier.rationMax / 2);
  });

  it('go to the source alone when the stall does not last', () => {
    const governed = new Governed();
    for (let count = 0; count < 20; count += 1) {
      governed.outlook('stalls');
      governed.pass(0.8, 5000);
      governed.outlook('converges');
      governed.pass(0.2, 5000);
    }
    expect(governed.rig.pair.isActive).toBe(false);
  });

  it('go to the source alone again when the guest has been slow for a while after READY', () => {
    const governed = new Governed();
    governed.rig.dirty.markAll();
    governed.outlook('diverges');
    governed.pass(2, 5000);
    expect(governed.rig.pair.isActive).toBe(true);
    governed.rig.dirty.clear(0, 4096 * KiB);
    // Until the two have met, it may be this very mode that makes the guest slow.
    governed.outlook('converges', true);
    governed.pass(20, 0);
    expect(governed.rig.pair.isActive).toBe(true);
    governed.outlook('converges', false);
    // As fast as half of what copies could do when there was much to copy is not slow.
    governed.pass(20, 500);
    expect(governed.rig.pair.isActive).toBe(true);
    governed.pass(4.8, 499);
    expect(governed.rig.pair.isActive).toBe(true);
    governed.pass(0.6, 499);
    expect(governed.rig.pair.isActive).toBe(false);
  });
});
