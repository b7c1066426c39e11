import { describe, expect, it } from 'vitest';
import { scenario } from '../../src/sim/scenario.ts';
import { drawTimelinePage } from '../../src/sim/timeline-page.ts';
import { ENTRIES, traceOf } from './entries.ts';
import { write } from './worlds.ts';

const SEED = {
  title: 'A <title>',
  found: 'over',
  scenario: scenario({
    guest: { requests: [write(1)] },
    faults: [{ type: 'power-cut' }],
  }),
  schedule: [1, 0],
  moves: ['one', 'other'],
};
const COMMAND = "mirrordisk replay 'a&b.json'";
const parts = { seed: SEED, trace: traceOf(ENTRIES), command: COMMAND };

describe('a page about a run', () => {
  it('says which rule was broken, what was expected and found, and how to see it again', () => {
    const violation = {
      invariant: 'I9 completed is equal',
      expected: "request 0's sector 1",
      found: 'zeroes',
      step: 3,
      sector: 1,
    } as const;
    const page = drawTimelinePage({ ...parts, violation });
    const text = page.replace(/<style>.*?<\/style>/gs, '').replace(/<[^>]*>/g, ' ');
    expect(text).toMatch(/Rule broken +I9 completed is equal\s+Expected +request 0's sector 1/);
    expect(text).toMatch(/Found +zeroes\s+When +after step 3/);
    expect(text).toMatch(/Guest +write 1\s.*May go wrong +a power cut/s);
    expect(text).toContain("mirrordisk replay 'a&amp;b.json'");
    expect(text).toContain('The write that is missing is request 0.');
  });

  it('stands by itself, and takes texts for what they are', () => {
    const page = drawTimelinePage({ ...parts, violation: undefined });
    expect(page).toMatch(/^<!doctype html>\n<html lang="en">.*<svg .*<\/svg>.*<\/html>\n$/s);
    expect(page).toContain('<title>A &lt;title&gt;</title>');
    expect(page).not.toMatch(/<script|<link|<img|src=|href=|url\(|@import/);
    expect(page).toContain('<dt>Result</dt><dd>No rule is broken</dd>');
    const ended = drawTimelinePage({ ...parts, violation: undefined, result: 'It is <fine>' });
    expect(ended).toContain('<dd>It is &lt;fine&gt;</dd>');
    expect(page).toContain('@media print');
  });

  it('holds the seed itself', () => {
    const page = drawTimelinePage({ ...parts, violation: undefined });
    expect(page).toContain('&quot;format&quot;: &quot;mirrordisk-seed&quot;');
    expect(page).toContain('1 one');
  });
});
