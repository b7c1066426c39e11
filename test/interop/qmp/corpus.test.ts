/**
 * Scenarios that are played against QEMU and against us, who must say the same: replies and events
 * in the same order, but for what depends on the host, on time or on chance (`normalise.ts`), and
 * for what is different on purpose (`differences.ts`).
 */

import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { interop } from '../../support/tools.ts';
import { ADDITIONS, GAPS, REPLACEMENTS, replaced, withoutAdditions } from './differences.ts';
import { type Program, play } from './run.ts';
import type { Scenario } from './scenario.ts';
import { bitmaps } from './scenarios/bitmaps.ts';
import { blockdev } from './scenarios/blockdev.ts';
import { chardevs } from './scenarios/chardevs.ts';
import { devices } from './scenarios/devices.ts';
import { driveMirrors } from './scenarios/drive-mirror.ts';
import { drives } from './scenarios/drives.ts';
import { errorPolicies } from './scenarios/error-policies.ts';
import { exports } from './scenarios/exports.ts';
import { humans } from './scenarios/human.ts';
import { mirrorArguments } from './scenarios/mirror-arguments.ts';
import { mirrorEvents } from './scenarios/mirror-events.ts';
import { mirrorVerbs } from './scenarios/mirror-verbs.ts';
import { objects } from './scenarios/objects.ts';
import { options } from './scenarios/options.ts';
import { protocol } from './scenarios/protocol.ts';
import { queries } from './scenarios/queries.ts';
import { reopening } from './scenarios/reopen.ts';

const THEMES: Readonly<Record<string, readonly Scenario[]>> = {
  protocol,
  options,
  blockdev,
  reopening,
  'arguments of a mirror': mirrorArguments,
  'verbs of a mirror': mirrorVerbs,
  'events of a mirror': mirrorEvents,
  'error policies': errorPolicies,
  bitmaps,
  exports,
  objects,
  'character devices': chardevs,
  queries,
  devices,
  drives,
  'drive-mirror': driveMirrors,
  'human monitor': humans,
};
const ALL = Object.values(THEMES).flat();

const EXCHANGES_MIN = 300;

const PROGRAM = fileURLToPath(new URL('../../../dist/cli/bin.js', import.meta.url));
const OURS: Program = {
  command: [process.execPath, PROGRAM, 'daemon'],
  monitorOption: '--monitor',
};

function peerOf({ machine }: Scenario): Program {
  return machine
    ? { command: ['qemu-system-x86_64', ...machine], monitorOption: '--mon' }
    : { command: ['qemu-storage-daemon'], monitorOption: '--monitor' };
}

function hasGap({ title }: Scenario): boolean {
  return GAPS.some(({ where }) => where.includes(title));
}

/** What we have said in each scenario. */
const played: (readonly string[])[] = [];

describe.each(Object.entries(THEMES))('%s', (_theme, scenarios) => {
  describe.concurrent('as with QEMU', () => {
    for (const scenario of scenarios) {
      const peer = peerOf(scenario);
      interop(peer.command[0], 'qemu-io', 'qemu-nbd').it(scenario.title, async () => {
        const [theirs, ours] = await Promise.all([play(scenario, peer), play(scenario, OURS)]);
        played.push(Object.values(ours).flat());
        expect(theirs).not.toHaveProperty('stopped');
        expect(theirs['process']?.at(-1)).toBe(`ended: ${scenario.isRefused ? 1 : 0}`);
        const comparison = expect(withoutAdditions(ours));
        const expected = replaced(scenario.title, theirs);
        if (hasGap(scenario)) comparison.not.toEqual(expected);
        else comparison.toEqual(expected);
      });
    }
  });
});

describe('the corpus', () => {
  const titles = ALL.map(({ title }) => title);

  it(`has ${EXCHANGES_MIN} exchanges at least`, () => {
    const steps = ALL.flatMap((scenario) => scenario.steps ?? []);
    const exchanges = steps.filter(({ kind }) => kind === 'send' || kind === 'poll');
    expect(exchanges.length).toBeGreaterThanOrEqual(EXCHANGES_MIN);
  });

  it('has a title for each scenario', () => {
    expect(new Set(titles).size).toBe(titles.length);
  });

  it('lists differences in scenarios that there are', () => {
    const listed = [...REPLACEMENTS, ...GAPS].flatMap(({ where }) => where);
    expect(titles).toEqual(expect.arrayContaining(listed));
  });

  it.for(ADDITIONS)('lists no addition that we do not make: $ours', ({ ours }, { skip }) => {
    skip(played.length < ALL.length, 'not every scenario was played');
    expect(played.some((lines) => lines.some((line) => ours.test(line)))).toBe(true);
  });
});

describe('replaced()', () => {
  const replacement = { where: ['a rule'], reason: 'a reason', theirs: 'a\nb', ours: 'c' };

  it('has what we say instead', () => {
    const transcript = { qmp: ['1', 'a', 'b', '2'] };
    expect(replaced('a rule', transcript, [replacement])).toEqual({ qmp: ['1', 'c', '2'] });
    expect(replaced('another', transcript, [replacement])).toEqual(transcript);
  });

  it('refuses a replacement of what is not said any more', () => {
    const transcript = { qmp: ['a', '1', 'b'] };
    expect(() => replaced('a rule', transcript, [replacement])).toThrow('it does not say so');
  });
});

describe('withoutAdditions()', () => {
  it('leaves out what we say on top, everywhere', () => {
    const additions = [{ reason: 'a reason', ours: /, b: \d/ }];
    const transcript = { qmp: ['a: 1, b: 2, c: 3', 'a: 4, b: 5'] };
    expect(withoutAdditions(transcript, additions)).toEqual({ qmp: ['a: 1, c: 3', 'a: 4'] });
  });
});
