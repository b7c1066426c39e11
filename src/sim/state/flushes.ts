/**
 * What a flush covers: the writes that were answered before it came. Which came first is all that
 * matters of when they came.
 */

import type { Digest } from '../fingerprint.ts';
import type { OracleView } from '../oracle/rule.ts';
import type { Passage } from '../turnstile.ts';

export class Flushes {
  readonly #view: OracleView;
  /** When the last write to the target was answered, and the last flush came that was answered. */
  #writtenAt = 0;
  #flushedAt = 0;
  /** How much was copied when the job last began to flush the target. */
  #offset = 0;

  constructor(view: OracleView) {
    this.#view = view;
  }

  arrived({ call }: Passage): void {
    if (call.disk !== 'target' || call.operation !== 'flush' || call.origin !== 'job') return;
    this.#offset = this.#view.mirror?.progress.offset ?? 0;
  }

  answered({ call, error, changes, arrivedAt, answeredAt }: Passage): void {
    if (call.disk !== 'target' || error || !changes) return;
    if (call.operation === 'flush') this.#flushedAt = Math.max(this.#flushedAt, arrivedAt);
    else this.#writtenAt = answeredAt;
  }

  addTo(digest: Digest): void {
    const { held, mirror } = this.#view;
    digest.add(this.#writtenAt <= this.#flushedAt ? 1 : 0);
    digest.add((mirror?.progress.offset ?? 0) > this.#offset ? 1 : 0);
    for (const { call, label, arrivedAt } of held) {
      if (call.operation !== 'flush') continue;
      digest.addText(label).add(this.#writtenAt <= arrivedAt ? 1 : 0);
      for (const { passage } of this.#view[call.disk].cached) {
        digest.add(passage.answeredAt < arrivedAt ? 1 : 0);
      }
    }
  }
}
