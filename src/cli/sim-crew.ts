/**
 * Many tasks by several hands, with the result that one hand alone would come to.
 *
 * Tasks are taken in order, and the first one, in that order, whose result ends everything is the
 * last one that counts: whoever is at a later one is stopped, and earlier ones are done to their
 * end. So which task ends it does not depend on who was faster.
 *
 *     tasks   0  1  2  3  4  5      2 ends it: 3 and 4 are stopped and forgotten,
 *     hands   a  b  a  c  b         and all that counts is 0, 1 and 2
 */

/** Somebody who does one task at a time. */
export interface Hand<Task, Result> {
  /** @param onProgress Told now and then of what the result would be. */
  do(task: Task, onProgress: (result: Result) => void): Promise<Result>;
  /** Makes the present task, if there is one, end soon with what it has come to. */
  stop(): void;
  close(): Promise<void>;
}

export interface CrewOptions<Task, Result> {
  /** @returns The task of this number, from 0; `undefined` when there are no more. */
  readonly taskAt: (index: number) => Task | undefined;
  /** At least one; all are closed in the end. */
  readonly hands: readonly Hand<Task, Result>[];
  /** Whether nothing behind this result counts. */
  readonly isEnd: (result: Result) => boolean;
  /** Called with each result that counts, in the order of the tasks. */
  readonly onResult: (result: Result) => void;
  /** Called with the results of all present tasks as far as they are. */
  readonly onProgress?: (underWay: readonly Result[]) => void;
}

export class Crew<Task, Result> {
  readonly #options: CrewOptions<Task, Result>;
  /** What each hand is at. */
  readonly #places = new Map<Hand<Task, Result>, { index: number; progress?: Result }>();
  /** Results that wait for those before them. */
  readonly #waiting = new Map<number, Result>();
  #told = 0;
  #next = 0;
  /** The first task that is not to be done. */
  #limit = Infinity;

  constructor(options: CrewOptions<Task, Result>) {
    this.#options = options;
  }

  /** Does the tasks, and closes the hands. Rejects when a task does, and then tells no more. */
  async run(): Promise<void> {
    const { hands } = this.#options;
    try {
      const ends = await Promise.allSettled(hands.map((hand) => this.#work(hand)));
      const failed = ends.find((end) => end.status === 'rejected');
      if (failed) throw failed.reason;
    } finally {
      await Promise.all(hands.map((hand) => hand.close()));
    }
  }

  /** Begins no other task, and makes those under way end with what they have come to. */
  stop(): void {
    this.#limit = Math.min(this.#limit, this.#next);
    for (const hand of this.#places.keys()) hand.stop();
  }

  async #work(hand: Hand<Task, Result>): Promise<void> {
    for (;;) {
      const index = this.#next;
      const task = index < this.#limit ? this.#options.taskAt(index) : undefined;
      if (task === undefined) return;
      this.#next += 1;
      const place: { index: number; progress?: Result } = { index };
      this.#places.set(hand, place);
      try {
        const result = await hand.do(task, (progress) => {
          place.progress = progress;
          this.#tellProgress();
        });
        this.#done(index, result);
      } catch (error) {
        this.stop();
        throw error;
      } finally {
        this.#places.delete(hand);
      }
    }
  }

  #done(index: number, result: Result): void {
    if (index >= this.#limit) return;
    this.#waiting.set(index, result);
    if (this.#options.isEnd(result)) this.#endBehind(index);
    for (;;) {
      const at = this.#told;
      const next = this.#waiting.get(at);
      if (next === undefined || at >= this.#limit) return;
      this.#waiting.delete(at);
      this.#told += 1;
      this.#options.onResult(next);
    }
  }

  #endBehind(index: number): void {
    this.#limit = index + 1;
    for (const [hand, place] of this.#places) if (place.index > index) hand.stop();
  }

  #tellProgress(): void {
    const all = [...this.#places.values()].map(({ progress }) => progress);
    this.#options.onProgress?.(all.filter((progress) => progress !== undefined));
  }
}
