import { describe, expect, it } from 'vitest';
import type { Scenario } from '../../src/sim/scenario.ts';
import { drawWorld } from '../../src/sim/swarm-world.ts';

const WORLDS = Array.from({ length: 1000 }, (_, seed) => drawWorld(seed).scenario);

/** How many of the worlds have something. */
function having(what: (world: Scenario) => boolean): number {
  return WORLDS.filter(what).length;
}

function values(of: (world: Scenario) => unknown): number {
  return new Set(WORLDS.map(of)).size;
}

describe('worlds drawn by chance', () => {
  it('are the same for the same seed, and others for others', () => {
    expect(drawWorld(3).scenario).toEqual(drawWorld(3).scenario);
    expect(new Set(WORLDS.map((world) => JSON.stringify({ ...world, name: '' }))).size).toBe(1000);
  });

  it('differ in everything', () => {
    expect(values(({ sectors }) => sectors)).toBe(10);
    expect(values(({ guest }) => guest.requests.length)).toBe(9);
    expect(values(({ mirror }) => mirror.copyMode)).toBe(3);
    expect(values(({ mirror }) => mirror.granularity)).toBe(3);
    expect(values(({ verbs }) => verbs.map(({ verb }) => verb).join())).toBeGreaterThan(30);
    expect(values(({ faults }) => JSON.stringify(faults))).toBeGreaterThan(30);
  });

  it.each<readonly [string, number, (world: Scenario) => boolean]>([
    ['an empty disk', 20, ({ sectors }) => sectors === 0],
    ['a target of another size', 20, ({ target }) => target.sectors !== undefined],
    ['a job that waits to be finalized', 50, ({ mirror }) => mirror.autoFinalize === false],
    ['no change by the guest but of one kind', 100, hasOneKind],
    ['a guest that keeps to one granule', 200, isNarrow],
    ['an error of a disk', 200, ({ faults }) => faults.some(({ type }) => type === 'error')],
    ['a target that never answers', 50, isDead],
    ['the end of the machine', 20, ({ verbs }) => verbs.some(({ verb }) => verb === 'quit')],
  ])('have now and then %s', (_, countMin, what) => {
    expect(having(what)).toBeGreaterThan(countMin);
    expect(having(what)).toBeLessThan(WORLDS.length - countMin);
  });

  it('are such that they can end: who meets a dead target leaves at once', () => {
    for (const { verbs } of WORLDS.filter(isDead)) {
      expect(['cancel-force', 'quit']).toContain(verbs[0]?.verb);
    }
  });
});

function isDead({ faults }: Scenario): boolean {
  return faults.some((fault) => fault.type === 'stall' && fault.until === 'never');
}

function hasOneKind({ guest }: Scenario): boolean {
  const changes = guest.requests.filter(({ type }) => type !== 'read' && type !== 'flush');
  return new Set(changes.map(({ type }) => type)).size === 1;
}

function isNarrow({ guest, mirror, sectors }: Scenario): boolean {
  const unit = (mirror.granularity ?? 0) / 512;
  const granules = guest.requests.map(({ sector }) => Math.floor(sector / unit));
  return sectors > unit && granules.length > 2 && new Set(granules).size === 1;
}
