import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { CreateWork } from '../../src/jobs/create.ts';
import { Job } from '../../src/jobs/job.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { deferred, settle } from '../support/settle.ts';

/** A job that is making an image until the test says what comes of it. */
function creating() {
  const made = deferred();
  const common = { id: 'job0', type: 'create', speed: 0, autoDismiss: false } as const;
  const job = new Job({ ...common, clock: new FakeClock(), onEvent: () => {} });
  job.start(new CreateWork(() => made.promise));
  return { job, made };
}

describe('a job that makes an image', () => {
  it('is done when the image is made, and not before', async () => {
    const { job, made } = creating();
    await settle();
    expect([job.status, job.progress]).toEqual(['running', { offset: 0, len: 1 }]);
    made.resolve();
    expect(await job.finished).toEqual({ status: 'completed' });
    expect(job.progress).toEqual({ offset: 1, len: 1 });
  });

  it('fails with what went wrong, and a query tells nothing but that', async () => {
    const { job, made } = creating();
    made.reject(new BlockError('EEXIST', 'make "a.img"', 'there is a file already'));
    expect(await job.finished).toMatchObject({ status: 'failed', error: { code: 'EEXIST' } });
    expect(job.state.error).toBe('there is a file already');
    expect(job.progress).toEqual({ offset: 1, len: 1 });
  });

  it('does not pass off a mistake of this program as a failure', async () => {
    const { job, made } = creating();
    const mistake = new RangeError('by design');
    made.reject(mistake);
    await expect(job.finished).rejects.toBe(mistake);
  });

  it('ends CANCELLED after a cancel, once the image is made', async () => {
    const { job, made } = creating();
    job.cancel({ force: true });
    await settle();
    expect(job.status).toBe('running');
    made.resolve();
    expect(await job.finished).toEqual({ status: 'cancelled' });
  });
});
