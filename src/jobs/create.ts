/** The job that makes an image: one step, and no disks of the machine that it works on. */

import { BlockError } from '../base/errors.ts';
import type { JobProgress } from './events.ts';
import type { JobControl, JobWork } from './work.ts';

export class CreateWork implements JobWork {
  readonly inFlight = 0;
  readonly #create: () => Promise<void>;
  #isDone = false;

  /** @param create Makes the image, and rejects with a {@link BlockError} if it cannot. */
  constructor(create: () => Promise<void>) {
    this.#create = create;
  }

  async run(control: JobControl): Promise<void> {
    try {
      await this.#create();
    } catch (error) {
      if (!(error instanceof BlockError)) throw error;
      // What went wrong is all that is ever told of such a job.
      const { code, reason } = error;
      throw new BlockError(code, 'create the image', reason, { cause: error, description: reason });
    } finally {
      this.#isDone = true;
    }
    await control.settle();
  }

  progress(): JobProgress {
    return { offset: this.#isDone ? 1 : 0, len: 1 };
  }

  // It has none, and ends by itself.
  setSpeed(): void {}
  giveUp(): void {}
}
