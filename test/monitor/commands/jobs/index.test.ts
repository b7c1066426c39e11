import { describe, expect, it } from 'vitest';
import { CommandRig } from '../../../support/command-rig.ts';

const MIRROR = { 'job-id': 'job', device: 'source', target: 'target', sync: 'full' };
const TO_READY = ['+created', '+running', '+ready', '+BLOCK_JOB_READY'];
const TO_END = ['+waiting', '+pending', '+BLOCK_JOB_COMPLETED', '+concluded', '+null'];

/** A mirror that is ready, of two disks on which nothing takes any time. */
async function readyMirror(more: object = {}): Promise<CommandRig> {
  const rig = await CommandRig.open('source', 'target');
  await rig.hear('blockdev-mirror', { ...MIRROR, ...more });
  return rig;
}

describe('a mirror that is ready', () => {
  it('is told of by both queries', async () => {
    await using rig = await readyMirror({ speed: 5 });
    expect(await rig.ask('query-jobs')).toEqual([
      {
        id: 'job',
        type: 'mirror',
        status: 'ready',
        'current-progress': 1_048_576,
        'total-progress': 1_048_576,
      },
    ]);
    expect(await rig.ask('query-block-jobs')).toEqual([
      {
        type: 'mirror',
        device: 'job',
        len: 1_048_576,
        offset: 1_048_576,
        busy: false,
        paused: false,
        speed: 5,
        'io-status': 'ok',
        ready: true,
        status: 'ready',
        'auto-finalize': true,
        'auto-dismiss': true,
        'actively-synced': false,
      },
    ]);
  });

  it('is on standby before its pause is answered, and back before its resumption', async () => {
    await using rig = await readyMirror();
    expect(await rig.hear('job-pause', { id: 'job' })).toEqual(['+standby', {}]);
    expect(await rig.ask('block-job-pause', { device: 'job' })).toBe('Job is already paused');
    expect(await rig.hear('block-job-resume', { device: 'job' })).toEqual(['+ready', {}]);
    expect(await rig.ask('job-resume', { id: 'job' })).toBe(
      "Can't resume a job that was not paused",
    );
  });

  it('ends after the answer, well or by force', async () => {
    for (const [command, given, end] of [
      ['job-complete', { id: 'job' }, TO_END],
      ['block-job-cancel', { device: 'job' }, TO_END],
      ['job-cancel', { id: 'job' }, ['+aborting', '+BLOCK_JOB_CANCELLED', '+concluded', '+null']],
    ] as const) {
      await using rig = await readyMirror();
      expect(await rig.hear(command, given)).toEqual([{}, ...end]);
      expect(await rig.ask('query-jobs')).toEqual([]);
    }
  });

  it('that is paused is not cancelled but by force', async () => {
    await using rig = await readyMirror();
    await rig.hear('job-pause', { id: 'job' });
    expect(await rig.ask('block-job-cancel', { device: 'job' })).toBe(
      "The block job for device 'job' is currently paused",
    );
    expect(await rig.hear('block-job-cancel', { device: 'job', force: true })).toContain('+null');
  });

  it('takes a speed that is one, and another way for what its guest writes', async () => {
    await using rig = await readyMirror();
    const change = { id: 'job', type: 'mirror', 'copy-mode': 'write-blocking' };
    expect(await rig.ask('block-job-change', change)).toEqual({});
    expect(await rig.ask('job-change', change)).toEqual({});
    expect(await rig.ask('job-change', { ...change, id: 'other' })).toBe('Job not found');
    expect(await rig.ask('block-job-set-speed', { device: 'job', speed: 7 })).toEqual({});
    expect(await rig.ask('query-block-jobs')).toMatchObject([
      { speed: 7, 'actively-synced': true },
    ]);
    expect(await rig.ask('block-job-set-speed', { device: 'job', speed: -7 })).toBe(
      "Parameter 'speed' expects a non-negative value",
    );
  });
});

describe('a mirror that waits for its user', () => {
  const byHand = { 'auto-finalize': false, 'auto-dismiss': false };

  it('is finalized before that is answered, and then stays until it is dismissed', async () => {
    await using rig = await readyMirror(byHand);
    const pending = ['+waiting', '+pending', '+BLOCK_JOB_PENDING'];
    expect(await rig.hear('job-complete', { id: 'job' })).toEqual([{}, ...pending]);
    expect(await rig.ask('query-block-jobs')).toMatchObject([{ status: 'pending', paused: true }]);
    expect(await rig.hear('block-job-finalize', { id: 'job' })).toEqual([
      '+BLOCK_JOB_COMPLETED',
      '+concluded',
      {},
    ]);
    expect(await rig.ask('job-pause', { id: 'job' })).toBe(
      "Job 'job' in state 'concluded' cannot accept command verb 'pause'",
    );
    expect(await rig.hear('block-job-dismiss', { id: 'job' })).toEqual(['+null', {}]);
  });

  it('is cancelled before that is answered, with an error that the queries tell', async () => {
    await using rig = await readyMirror(byHand);
    await rig.hear('job-complete', { id: 'job' });
    const cancelled = ['+aborting', '+BLOCK_JOB_CANCELLED', '+concluded', {}];
    expect(await rig.hear('job-cancel', { id: 'job' })).toEqual(cancelled);
    expect(await rig.ask('query-jobs')).toMatchObject([{ error: 'Operation canceled' }]);
  });
});

describe('jobs', () => {
  it('are told of with the newest first', async () => {
    await using rig = await readyMirror();
    for (const name of ['third', 'fourth']) {
      await rig.ask('blockdev-add', { driver: 'null-co', 'node-name': name });
    }
    const second = { 'job-id': 'second', device: 'third', target: 'fourth', sync: 'none' };
    expect(await rig.hear('blockdev-mirror', second)).toEqual([...TO_READY, {}]);
    expect(await rig.ask('query-jobs')).toMatchObject([{ id: 'second' }, { id: 'job' }]);
  });

  it('that are not there are of different classes of errors', async () => {
    await using rig = await CommandRig.open();
    expect(await rig.ask('job-pause', { id: 'none' })).toBe('Job not found');
    expect(await rig.ask('block-job-pause', { device: 'none' })).toBe("Block job 'none' not found");
    expect(await rig.ask('block-job-dismiss', { id: 'none' })).toBe("Block job 'none' not found");
  });
});
