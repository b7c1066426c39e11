/** The power fails: what may be left of the guest's disk, of which a guide chooses. */

import type { Guide } from './chooser.ts';
import { addDisk, Digest } from './fingerprint.ts';
import { MOVERS, type Move } from './move.ts';
import { checkDurable } from './oracle/guest.ts';
import type { OracleView } from './oracle/rule.ts';
import { addGuest } from './state/guest-order.ts';

/** Cuts the power, and looks whether what was flushed has survived. */
export function cutPower(view: OracleView, guide: Guide): void {
  const disk = view[view.guestDisk];
  // Nothing goes on from here, so what else there was in the world does not matter.
  const state = new Digest().addText('power cut');
  addDisk(state, disk);
  addGuest(state, view.guest.records);
  let isKnown = false;
  const image = disk.cut((count) => {
    if (isKnown) return 0;
    const versions = Array.from({ length: count }, (_, index) => cutMove(index));
    const verdict = guide.next(versions, () => state.value);
    isKnown = verdict === 'nothing new';
    const version = verdict === 'nothing new' ? 0 : verdict;
    state.add(version);
    return version;
  });
  if (!isKnown) checkDurable(view, image);
}

/** One of the things that a power cut may have left of a sector. */
function cutMove(index: number): Move {
  const key = index === 0 ? 'the sector is as it was flushed' : `the sector has write ${index}`;
  return { key, mover: MOVERS.fault, action: { type: 'power-cut' } };
}
