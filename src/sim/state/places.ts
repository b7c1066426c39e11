/**
 * What was answered at each place of the disks, as long as somebody is at work there.
 *
 * What a copy or a guest's request was told is of use to it until it ends: what it has read it will
 * write, and that the source has failed it tells once the target has answered. When nobody is at
 * work at a place what was told there is forgotten, for what came of it shows: on the disks, in the
 * bitmap and in the counters.
 */

import { SECTOR_SIZE } from '../../device/request.ts';
import { Digest } from '../fingerprint.ts';
import { changes } from '../guest.ts';
import type { OracleView } from '../oracle/rule.ts';
import type { Passage } from '../turnstile.ts';

/** What is told at a sector to the job, and to the guest; 0 for nothing. */
interface Place {
  job: number;
  guest: number;
}

export class Places {
  readonly #view: OracleView;
  readonly #places: readonly Place[];

  constructor(view: OracleView) {
    this.#view = view;
    const { sectors } = view.scenario;
    this.#places = Array.from({ length: sectors }, () => ({ job: 0, guest: 0 }));
  }

  arrived(passage: Passage): void {
    // A copy begins by what it reads: nothing of the copies before it matters any more.
    if (isCopyRead(passage)) for (const place of this.#under(passage)) place.job = 0;
  }

  answered(passage: Passage): void {
    const { origin } = passage.call;
    const told = summary(passage);
    // What the filter and the block layer ask for themselves may be on behalf of either.
    for (const place of this.#under(passage)) {
      if (origin !== 'guest') place.job = new Digest().add(place.job).add(told).value;
      if (origin !== 'job') place.guest = new Digest().add(place.guest).add(told).value;
    }
  }

  /** Forgets what is over. */
  settled(): void {
    for (const [sector, place] of this.#places.entries()) {
      if (place.job !== 0 && !this.#isCopied(sector)) place.job = 0;
      if (place.guest !== 0 && !this.#isUsed(sector)) place.guest = 0;
    }
  }

  addTo(digest: Digest): void {
    for (const { job, guest } of this.#places) digest.add(job).add(guest);
  }

  /** Whether the mirror has claimed a sector, or has a request there. */
  #isCopied(sector: number): boolean {
    const { mirror, held } = this.#view;
    const range = { offset: sector * SECTOR_SIZE, length: SECTOR_SIZE };
    if (mirror && !mirror.ending && mirror.inspect().isClaimed(range)) return true;
    return held.some(
      ({ call }) =>
        call.origin !== 'guest' &&
        call.offset <= range.offset &&
        range.offset < call.offset + call.length,
    );
  }

  /** Whether the guest reads or changes a sector. */
  #isUsed(sector: number): boolean {
    return this.#view.guest.unfinished.some(
      (record) =>
        changes(record, sector) ||
        (record.step.type === 'read' &&
          record.step.sector <= sector &&
          sector < record.step.sector + record.step.sectors),
    );
  }

  #under({ call }: Passage): readonly Place[] {
    const end = Math.ceil((call.offset + call.length) / SECTOR_SIZE);
    return this.#places.slice(Math.floor(call.offset / SECTOR_SIZE), end);
  }
}

/** Whether it is the first of the two requests of a copy. */
export function isCopyRead({ call }: Passage): boolean {
  return call.disk === 'source' && call.operation === 'read' && call.origin === 'job';
}

/** What the caller of a request was told. */
export function summary({ label, seen, error }: Passage): number {
  return new Digest()
    .addText(label)
    .addText(error?.code ?? '')
    .add(seen).value;
}
