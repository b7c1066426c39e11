import { describe, expect, it } from 'vitest';
import { flow, LiveLines } from '../../src/cli/live-lines.ts';
import { Screen } from '../support/screen.ts';

/** Live lines on a screen, with what was written piece by piece. */
function rig({ columns = 40, rows = 24 } = {}) {
  const screen = new Screen(columns);
  const pieces: string[] = [];
  const live = new LiveLines({
    get columns() {
      return screen.columns;
    },
    rows,
    write(text) {
      pieces.push(text);
      screen.write(text);
    },
  });
  return { screen, pieces, live };
}

describe('LiveLines', () => {
  it('draws lines in place of the last ones', () => {
    const { screen, live } = rig();
    screen.write('$ mirrordisk\n');
    live.show(['phase 1', '10 %']);
    live.show(['phase 1', '20 %']);
    expect(screen.lines).toEqual(['$ mirrordisk', 'phase 1', '20 %']);
  });

  it('leaves nothing of lines that were longer, or more', () => {
    const { screen, live } = rig();
    live.show(['a long line', 'another', 'and a third']);
    live.show(['short', 'x']);
    expect(screen.lines).toEqual(['short', 'x']);
    live.show(['a', 'b', 'c', 'd']);
    live.show([]);
    expect(screen.lines).toEqual([]);
  });

  it('draws in one piece that erases nothing before it is written over', () => {
    const { pieces, live } = rig();
    live.show(['one', 'two']);
    live.show(['ONE', 'TWO']);
    expect(pieces).toEqual([
      '\rone\x1b[K\ntwo\x1b[K\x1b[J\r',
      '\r\x1b[1AONE\x1b[K\nTWO\x1b[K\x1b[J\r',
    ]);
  });

  it('writes nothing when nothing has changed', () => {
    const { pieces, live } = rig();
    live.show([]);
    live.show(['same']);
    live.show(['same']);
    expect(pieces).toHaveLength(1);
  });

  it('lets the terminal show ^C by itself without moving anything', () => {
    const { screen, live } = rig({ columns: 10 });
    live.show(['0123456789', '0123456789']);
    screen.write('^C');
    live.show(['abc', 'def']);
    expect(screen.lines).toEqual(['abc', 'def']);
  });

  it('cuts lines so that none wraps', () => {
    const { screen, live } = rig({ columns: 5 });
    live.show(['abcdefgh', 'ijklmnop']);
    live.show(['ABCDEFGH', 'IJKLMNOP']);
    expect(screen.lines).toEqual(['ABCD', 'IJKL']);
  });

  it('shows no more lines than the screen has', () => {
    const { screen, live } = rig({ rows: 2 });
    live.show(['a', 'b', 'c']);
    live.show(['d', 'e', 'f']);
    expect(screen.lines).toEqual(['d', 'e']);
  });

  it.each([
    { from: 40, to: 12 },
    { from: 40, to: 7 },
    { from: 12, to: 40 },
  ])('leaves nothing behind when the width goes from $from to $to', ({ from, to }) => {
    const { screen, live } = rig({ columns: from });
    screen.write('before\n');
    live.show(['the first line of them', 'the second line', 'and the third one']);
    screen.resize(to);
    live.show(['A', 'B']);
    expect(screen.lines).toEqual(['before', 'A', 'B']);
  });
});

describe('flow()', () => {
  it('puts parts on one line while there is room', () => {
    expect(flow(['one', 'two', 'three'], 80)).toEqual(['one  two  three']);
  });

  it('begins a line where the next part would reach the last column', () => {
    expect(flow(['one', 'two', 'three'], 9)).toEqual(['one  two', 'three']);
    expect(flow(['one', 'two', 'three'], 8)).toEqual(['one', 'two', 'three']);
  });

  it('gives a part that is too long a line of its own', () => {
    expect(flow(['a', 'much too long', 'b'], 8)).toEqual(['a', 'much too long', 'b']);
  });

  it('leaves out blanks at the ends of lines', () => {
    expect(flow(['one   ', 'two   '], 9)).toEqual(['one', 'two']);
    expect(flow(['one ', 'two   '], 11)).toEqual(['one   two']);
  });
});
