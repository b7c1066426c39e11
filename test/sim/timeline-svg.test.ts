import { describe, expect, it } from 'vitest';
import { drawTimelineSvg, escapeMarkup } from '../../src/sim/timeline-svg.ts';
import { ENTRIES, traceOf } from './entries.ts';

const VIOLATION = {
  invariant: 'I9 completed is equal',
  expected: "request 0's sector 1",
  found: 'zeroes',
  step: 3,
  sector: 1,
} as const;

/** Whether each tag that is opened is closed, in its turn. */
function isWellFormed(markup: string): boolean {
  const open: string[] = [];
  for (const [, end, name = '', alone] of markup.matchAll(/<(\/?)(\w+)[^>]*?(\/?)>/g)) {
    if (alone) continue;
    if (!end) open.push(name);
    else if (open.pop() !== name) return false;
  }
  return open.length === 0;
}

describe('a picture of a run', () => {
  const svg = drawTimelineSvg(traceOf(ENTRIES), VIOLATION);

  it('is a document of its own, without scripts or anything from elsewhere', () => {
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" .*<\/svg>$/s);
    expect(isWellFormed(svg)).toBe(true);
    expect(svg).not.toMatch(/<script|href=|url\(|@import/);
  });

  it('shows every text, a bar for each request, and what was lost', () => {
    for (const { text } of ENTRIES) expect(svg).toContain(`>${escapeMarkup(text)}</text>`);
    expect(svg.match(/class="bar answered"/g)).toHaveLength(2);
    expect(svg.match(/class="bar none"/g)).toHaveLength(1);
    expect(svg.match(/>lost<\/text>/g)).toHaveLength(2);
  });

  it('is as wide and high as what is in it', () => {
    const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg) ?? [];
    const places = [...svg.matchAll(/ (x|y)[12]?="([\d.]+)"/g)];
    const most = (axis: string) =>
      Math.max(...places.filter(([, own]) => own === axis).map(([, , value]) => Number(value)));
    expect(most('x')).toBeLessThan(Number(width));
    expect(most('y')).toBeLessThan(Number(height));
  });

  it('has colours for light, for dark and, in dark, for print', () => {
    expect(svg).toContain('@media screen and (prefers-color-scheme: dark)');
  });

  it('takes texts for what they are', () => {
    const text = '<script>alert("&")</script>';
    const drawn = drawTimelineSvg(traceOf([{ step: 0, column: 'mirror', text }]));
    expect(drawn).toContain('&lt;script&gt;alert(&quot;&amp;&quot;)&lt;/script');
    expect(isWellFormed(drawn)).toBe(true);
  });
});
