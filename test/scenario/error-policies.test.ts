/**
 * What each policy makes of an error of either disk (iotest 041's error classes,
 * blockdev_mirror_no_space).
 */

import { describe, expect, it } from 'vitest';
import type { ErrorAction, ErrorPolicy, IoStatus } from '../../src/block/error-policy.ts';
import { GRANULARITY, MachineRig } from '../support/machine-rig.ts';

type Code = 'EIO' | 'ENOSPC';

/** What QEMU does: the action that is told, and the status of the errors afterwards. */
const POLICIES: readonly (readonly [ErrorPolicy, Code, ErrorAction, IoStatus])[] = [
  ['report', 'EIO', 'report', 'ok'],
  ['report', 'ENOSPC', 'report', 'ok'],
  ['ignore', 'EIO', 'ignore', 'ok'],
  ['ignore', 'ENOSPC', 'ignore', 'ok'],
  ['stop', 'EIO', 'stop', 'failed'],
  ['stop', 'ENOSPC', 'stop', 'nospace'],
  ['enospc', 'EIO', 'report', 'ok'],
  ['enospc', 'ENOSPC', 'stop', 'nospace'],
  ['auto', 'EIO', 'report', 'ok'],
  ['auto', 'ENOSPC', 'stop', 'nospace'],
];

const SIDES = [
  { side: 'source', operation: 'read', option: 'onSourceError', other: 'onTargetError' },
  { side: 'target', operation: 'write', option: 'onTargetError', other: 'onSourceError' },
] as const;

/** Both disks behind a blkdebug. */
async function disks() {
  const rig = new MachineRig();
  const source = await rig.openFaulty('source');
  const target = await rig.openFaulty('target', [], { start: 100 });
  return { rig, source, target };
}

const CASES = SIDES.flatMap((side) =>
  POLICIES.map(([policy, code, action, ioStatus]) => ({ ...side, policy, code, action, ioStatus })),
);

describe('an error once', () => {
  it.each(CASES)(
    'of the $side, $code, with policy $policy: $action, and the status is $ioStatus',
    async ({ side, operation, option, other, policy, code, action, ioStatus }) => {
      const { rig, ...sides } = await disks();
      await using machine = rig;
      sides[side].control.arm({ iotype: operation, errno: code, once: true });
      // The other side's policy would show in the action.
      const otherPolicy = action === 'report' ? 'ignore' : 'report';
      const options = { [option]: policy, [other]: otherPolicy, bufSize: GRANULARITY };
      const { job } = await machine.mirror({ ...options, autoDismiss: false });
      await machine.runUntil(() => ['ready', 'paused', 'concluded'].includes(job.status));
      const told = { device: 'job0', operation, action };
      expect(machine.dataOf('BLOCK_JOB_ERROR')).toEqual([told]);
      expect(job.state.ioStatus).toBe(ioStatus);
      if (action === 'report') {
        expect(await job.finished).toMatchObject({ status: 'failed', error: { code } });
        return;
      }
      if (action === 'stop') {
        expect(job.state).toMatchObject({ status: 'paused', paused: true });
        await machine.pass(60_000);
        expect(job.status).toBe('paused');
        job.resume();
        expect(job.state.ioStatus).toBe('ok');
        await machine.runUntil(() => job.status === 'ready');
      }
      expect(machine.dataOf('BLOCK_JOB_ERROR')).toHaveLength(1);
      expect(Buffer.compare(sides.target.disk.bytes, sides.source.disk.bytes)).toBe(0);
    },
  );
});

describe('by default', () => {
  it.each(SIDES)('an error of the $side is reported', async ({ side, operation }) => {
    const { rig, ...sides } = await disks();
    await using machine = rig;
    sides[side].control.arm({ iotype: operation, errno: 'ENOSPC' });
    const { job } = await machine.mirror();
    await machine.runUntil(() => job.status === 'null');
    expect(await job.finished).toMatchObject({ status: 'failed' });
    const [first] = machine.dataOf('BLOCK_JOB_ERROR');
    expect(first).toEqual({ device: 'job0', operation, action: 'report' });
  });
});

describe('an error in phase 2', () => {
  it.each(CASES.filter(({ side }) => side === 'target'))(
    'of the target, $code, with policy $policy: $action, and READY is not told again',
    async ({ option, policy, code, action, ioStatus }) => {
      const { rig, source, target } = await disks();
      await using machine = rig;
      const guest = machine.plug('source');
      const { job } = await machine.readyMirror({ [option]: policy, autoDismiss: false });
      target.control.arm({ iotype: 'write', errno: code, once: true });
      await guest.request({ type: 'out', sector: 3, data: new Uint8Array(512).fill(3) });
      await machine.runUntil(() => machine.dataOf('BLOCK_JOB_ERROR').length > 0);
      await machine.pass(500);
      const told = { device: 'job0', operation: 'write', action };
      expect(machine.dataOf('BLOCK_JOB_ERROR')).toEqual([told]);
      const status = { report: 'concluded', stop: 'standby', ignore: 'ready' }[action];
      expect(job.state).toMatchObject({ status, ioStatus, ready: status !== 'concluded' });
      if (action === 'report') return;
      if (action === 'stop') job.resume();
      await machine.runUntil(() => job.status === 'ready');
      job.cancel({ force: false });
      await machine.runUntil(() => job.status === 'concluded');
      expect(await job.finished).toEqual({ status: 'completed' });
      expect(machine.told.filter((word) => word === 'BLOCK_JOB_READY')).toHaveLength(1);
      expect(Buffer.compare(target.disk.bytes, source.disk.bytes)).toBe(0);
    },
  );

  it.each(['ignore', 'stop'] as const)(
    'of a source that cannot be read, with policy %s, is retried until it can',
    async (policy) => {
      const { rig, source, target } = await disks();
      await using machine = rig;
      const guest = machine.plug('source');
      const { job } = await machine.readyMirror({ onSourceError: policy });
      source.control.arm({ id: 'bad', iotype: 'read', sector: 3 });
      await guest.request({ type: 'out', sector: 3, data: new Uint8Array(512).fill(3) });
      await machine.runUntil(() => machine.dataOf('BLOCK_JOB_ERROR').length > 0);
      expect(machine.dataOf('BLOCK_JOB_ERROR')[0]).toMatchObject({ operation: 'read' });
      source.control.disarm('bad');
      if (policy === 'stop') {
        await machine.runUntil(() => job.status === 'standby');
        job.resume();
      }
      job.complete();
      await machine.runUntil(() => job.status === 'null');
      expect(Buffer.compare(target.disk.bytes, source.disk.bytes)).toBe(0);
      expect(target.disk.bytes[3 * 512]).toBe(3);
    },
  );
});

describe('a guest write in write-blocking mode', () => {
  it.each(CASES.filter(({ side }) => side === 'target'))(
    'that the target fails with $code, policy $policy: $action, and the guest is told of nothing',
    async ({ option, policy, code, action, ioStatus }) => {
      const { rig, source, target } = await disks();
      await using machine = rig;
      const guest = machine.plug('source');
      const { job } = await machine.readyMirror({
        [option]: policy,
        copyMode: 'write-blocking',
        autoDismiss: false,
      });
      target.control.arm({ iotype: 'write', errno: code, once: true });
      const data = new Uint8Array(512).fill(3);
      expect(await guest.request({ type: 'out', sector: 3, data })).toBe(0);
      const told = { device: 'job0', operation: 'write', action };
      expect(machine.dataOf('BLOCK_JOB_ERROR')).toEqual([told]);
      expect(source.disk.bytes[3 * 512]).toBe(3);
      if (action === 'report') {
        await machine.runUntil(() => job.status === 'concluded');
        expect(await job.finished).toMatchObject({ status: 'failed', error: { code } });
        return;
      }
      if (action === 'stop') {
        await machine.runUntil(() => job.status === 'standby');
        expect(job.state.ioStatus).toBe(ioStatus);
        // What the guest writes now goes to the source alone, and meets no more errors.
        await guest.request({ type: 'out', sector: 4, data });
        expect(machine.dataOf('BLOCK_JOB_ERROR')).toHaveLength(1);
        expect(target.disk.bytes[4 * 512]).not.toBe(3);
        job.resume();
      }
      await machine.runUntil(() => target.disk.bytes[3 * 512] === 3);
      await machine.pass(500);
      expect(Buffer.compare(target.disk.bytes, source.disk.bytes)).toBe(0);
    },
  );
});
