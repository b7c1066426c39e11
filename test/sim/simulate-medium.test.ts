import { describe, expect, it } from 'vitest';
import { Medium } from '../../src/sim/simulate-medium.ts';

const SECTOR = 512;

function write(medium: Medium, byte: number, sector: number, sectors = 1) {
  const bytes = new Uint8Array(sectors * SECTOR).fill(byte);
  const change = medium.apply({ label: `write ${byte}`, offset: sector * SECTOR, bytes });
  change.isAnswered = true;
  return change;
}

/** What is in each sector after a cut in which `pick` chooses among so many versions. */
function cut(
  medium: Medium,
  pick: (what: string, versions: readonly string[]) => number,
  tear = true,
): string {
  medium.cut({ inFlight: [], tear, choose: pick });
  const sectors = Array.from({ length: medium.bytes.length / SECTOR }, (_, at) => at * SECTOR);
  return sectors.map((at) => medium.bytes[at]).join('');
}

describe('Medium', () => {
  it('shows writes at once, and loses them at a cut', () => {
    const medium = new Medium('disk', new Uint8Array(1024));
    write(medium, 1, 0);
    expect(medium.bytes[0]).toBe(1);
    expect(cut(medium, () => 0)).toBe('00');
    expect(medium.cached).toBe(0);
  });

  it('offers every write of a sector to a cut, the oldest first, and each content once', () => {
    const medium = new Medium('disk', new Uint8Array(1024));
    for (const byte of [1, 2, 0, 2]) write(medium, byte, 0);
    const offered: unknown[] = [];
    const image = cut(medium, (what, versions) => {
      offered.push([what, versions]);
      return 2;
    });
    expect(offered).toEqual([['disk sector 0', ['write 1', 'write 2']]]);
    expect(image).toBe('20');
  });

  it('makes durable what a flush reaches, also when later writes were durable before', () => {
    const medium = new Medium('disk', new Uint8Array(1024));
    const [first, second] = [write(medium, 1, 0, 2), write(medium, 2, 1)];
    medium.settle([second]);
    medium.settle([first]);
    expect(cut(medium, () => 1)).toBe('12');
  });

  it('has a flush reach what was answered and is not forgotten', () => {
    const medium = new Medium('disk', new Uint8Array(1024));
    const [one, two, three] = [write(medium, 1, 0), write(medium, 2, 1), write(medium, 3, 1)];
    one.isForgotten = true;
    three.isAnswered = false;
    expect(medium.answered()).toEqual([two]);
    medium.settle(medium.answered());
    // What was given up does not come back by a cut either.
    expect(cut(medium, (_, versions) => versions.length)).toBe('03');
  });

  it('keeps or loses whole writes where nothing tears, and asks of none that is hidden', () => {
    const medium = new Medium('disk', new Uint8Array(1536));
    write(medium, 1, 0, 3);
    write(medium, 2, 0, 2);
    write(medium, 3, 0, 1);
    expect(cut(medium, (what) => (what.endsWith('2') ? 1 : 0), false)).toBe('220');
    write(medium, 4, 0, 1);
    write(medium, 5, 0, 2);
    const asked: string[] = [];
    const keep = (what: string) => asked.push(what);
    expect(cut(medium, keep, false)).toBe('550');
    expect(asked).toEqual(['disk write 5']);
  });

  it('treats the size of a file as one more thing that may survive', () => {
    const grow = (kept: readonly string[]) => {
      const medium = new Medium('file', new Uint8Array(SECTOR).fill(9));
      write(medium, 1, 1);
      return cut(medium, (what) => (kept.includes(what) ? 1 : 0));
    };
    expect(grow([])).toBe('9');
    expect(grow(['file sector 1'])).toBe('9');
    expect(grow(['size of file'])).toBe('90');
    expect(grow(['size of file', 'file sector 1'])).toBe('91');
  });

  it('does not bring back what a file has lost at its end', () => {
    const medium = new Medium('file', new Uint8Array(1024).fill(9));
    const none = { offset: 0, bytes: new Uint8Array(0) };
    const changes = [SECTOR, 1024].map((size) =>
      medium.apply({ label: `truncate to ${size}`, size, ...none }),
    );
    expect(medium.bytes[SECTOR]).toBe(0);
    medium.settle(changes);
    expect(cut(medium, () => 0)).toBe('90');
  });
});
