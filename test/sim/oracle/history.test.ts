import { describe, expect, it } from 'vitest';
import { initialStamp, requestStamp, ZERO_STAMP } from '../../../src/sim/content.ts';
import { allowedStamps, contradiction, type Look, NOW } from '../../../src/sim/oracle/history.ts';
import { FakeView } from './fake-view.ts';

const FIRST = initialStamp('source', 0);

function allowed(view: FakeView, look: Look = NOW): readonly number[] | undefined {
  const history = { scenario: view.scenario, records: view.guest.records };
  const stamps = allowedStamps(history, 0, look);
  return stamps && [...stamps].sort((left, right) => left - right);
}

describe('what a sector may hold', () => {
  it('is what it held at first', () => {
    expect(allowed(new FakeView())).toEqual([FIRST]);
    expect(allowed(new FakeView({ source: { zeroSectors: [0] } }))).toEqual([ZERO_STAMP]);
  });

  it('is the last write that ended, and none before it', () => {
    const view = new FakeView();
    view.record({}, 1, 2);
    view.record({}, 3, 4);
    view.record({ sector: 1 }, 5, 6);
    expect(allowed(view)).toEqual([requestStamp(1, 0)]);
  });

  it('is either of two writes that overlapped in time', () => {
    const view = new FakeView();
    view.record({}, 1, 3);
    view.record({}, 2, 4);
    expect(allowed(view)).toEqual([requestStamp(0, 0), requestStamp(1, 0)]);
  });

  it('is old or new while a write is in flight, and after one that failed', () => {
    const view = new FakeView();
    view.record({}, 1);
    expect(allowed(view)).toEqual([requestStamp(0, 0), FIRST]);
    const failing = new FakeView();
    failing.record({}, 1, 2).ok = false;
    expect(allowed(failing)).toEqual([requestStamp(0, 0), FIRST]);
  });

  it('is nothing that was begun after the look', () => {
    const view = new FakeView();
    view.record({}, 300, 301);
    expect(allowed(view, { began: 100, ended: 200 })).toEqual([FIRST]);
  });

  it('is anything after a discard, until the next write', () => {
    const view = new FakeView();
    view.record({ type: 'discard' }, 1, 2);
    expect(allowed(view)).toBeUndefined();
    view.record({ type: 'zeroes' }, 3, 4);
    expect(allowed(view)).toEqual([ZERO_STAMP]);
  });
});

describe('reads of one sector', () => {
  /** Two reads during a write: what each got, from 5 to 6 and from 7 to 8. */
  function twoReads(first: number, second: number): readonly [number, number] | undefined {
    const view = new FakeView();
    view.record({}, 1, 9);
    view.record({ type: 'read' }, 5, 6).stamps = [first];
    view.record({ type: 'read' }, 7, 8).stamps = [second];
    return contradiction({ scenario: view.scenario, records: view.guest.records }, 0);
  }

  it('may see the old, and then the new', () => {
    const written = requestStamp(0, 0);
    expect(twoReads(FIRST, FIRST)).toBeUndefined();
    expect(twoReads(FIRST, written)).toBeUndefined();
    expect(twoReads(written, written)).toBeUndefined();
  });

  it('may not see the new, and then the old', () => {
    expect(twoReads(requestStamp(0, 0), FIRST)).toBeDefined();
  });

  it('may not each put another of two writes first', () => {
    const view = new FakeView();
    const [one, other] = [requestStamp(0, 0), requestStamp(1, 0)];
    view.record({}, 1, 3);
    view.record({}, 2, 4);
    for (const [at, stamp] of [one, other, one].entries()) {
      view.record({ type: 'read' }, 10 + 2 * at, 11 + 2 * at).stamps = [stamp];
    }
    const history = { scenario: view.scenario, records: view.guest.records };
    expect(contradiction(history, 0)).toEqual([one, other]);
  });
});
