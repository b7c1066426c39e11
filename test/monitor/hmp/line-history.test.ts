import { describe, expect, it } from 'vitest';
import { LineHistory } from '../../../src/monitor/hmp/line-history.ts';

function historyOf(...lines: readonly string[]): LineHistory {
  const history = new LineHistory();
  for (const line of lines) history.add(line);
  return history;
}

describe('the history of lines', () => {
  it('calls lines back, the newest first, up to the oldest', () => {
    const history = historyOf('a', 'b');
    expect([history.previous(), history.previous(), history.previous()]).toEqual([
      'b',
      'a',
      undefined,
    ]);
  });

  it('goes forth again, up to an empty line', () => {
    const history = historyOf('a', 'b');
    history.previous();
    history.previous();
    expect([history.next(), history.next(), history.next()]).toEqual(['b', '', undefined]);
  });

  it('begins anew with every line that is added', () => {
    const history = historyOf('a', 'b');
    history.previous();
    history.previous();
    history.add('');
    expect(history.previous()).toBe('b');
  });

  it('keeps a line once, at the end, and empty ones not at all', () => {
    expect(historyOf('a', 'b', '', 'a').lines).toEqual(['b', 'a']);
  });

  it('forgets the oldest', () => {
    const lines = Array.from({ length: 70 }, (_, index) => `${index}`);
    expect(historyOf(...lines).lines).toEqual(lines.slice(6));
  });
});
