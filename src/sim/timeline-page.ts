/** A run as a page that stands by itself: what it is about, the picture, and how to replay it. */

import { describeViolation, type Violation } from './oracle/violation.ts';
import { describeStep, type Scenario } from './scenario.ts';
import { type Seed, writeSeed } from './seed-file.ts';
import { lostRequest } from './timeline-rows.ts';
import { COLOURS, drawTimelineSvg, escapeMarkup } from './timeline-svg.ts';
import type { Trace } from './trace.ts';

export interface PageParts {
  /** What replays the run. */
  readonly seed: Seed;
  readonly trace: Trace;
  readonly violation: Violation | undefined;
  /** The command that replays it. */
  readonly command: string;
  /** What the run came to, where no rule was broken. @default That. */
  readonly result?: string;
}

const STYLE = `${COLOURS}
  body { margin: 2rem auto; padding: 0 1rem; max-width: 70rem; background: var(--back);
    color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
  h1 { font-size: 1.5rem; line-height: 1.25; }
  dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.25rem 1rem; }
  dt { color: var(--soft); } dd { margin: 0; }
  .broken { color: var(--bad); font-weight: 600; }
  code, pre { font: 14px/1.5 ui-monospace, Menlo, Consolas, monospace; }
  pre { padding: 0.75rem; border: 1px solid var(--line); border-radius: 6px; overflow-x: auto; }
  figure { margin: 1.5rem 0; overflow-x: auto; } figcaption { color: var(--soft); }
  @media print {
    body { margin: 0; max-width: none; } figure, pre { overflow: visible; }
    figure svg { max-width: 100%; height: auto; } details { display: none; }
  }`;

/** @returns An HTML document without scripts, fonts or pictures from elsewhere. */
export function drawTimelinePage(parts: PageParts): string {
  const { seed, trace, violation, command, result = 'No rule is broken' } = parts;
  const title = escapeMarkup(seed.title);
  const facts = [...violationFacts(violation, result), ...worldFacts(seed.scenario)];
  const list = facts.map(([name, text, kind]) => {
    const words = kind === undefined ? '<dd>' : `<dd class="${kind}">`;
    return `<dt>${name}</dt>${words}${escapeMarkup(text)}</dd>`;
  });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${STYLE}
</style>
</head>
<body>
<h1>${title}</h1>
<dl>
${list.join('\n')}
</dl>
<p>To replay it:</p>
<pre><code>${escapeMarkup(command)}</code></pre>
<figure>
${drawTimelineSvg(trace, violation)}
<figcaption>${escapeMarkup(captionOf(violation))}</figcaption>
</figure>
<details><summary>The seed file</summary>
<pre><code>${escapeMarkup(writeSeed(seed))}</code></pre>
</details>
</body>
</html>
`;
}

type Fact = readonly [name: string, text: string, kind?: string];

function violationFacts(violation: Violation | undefined, result: string): readonly Fact[] {
  if (!violation) return [['Result', result]];
  return [
    ['Rule broken', violation.invariant, 'broken'],
    ['Expected', violation.expected],
    ['Found', violation.found],
    ['When', `after step ${violation.step}`],
  ];
}

function worldFacts({ sectors, guest, mirror, verbs, faults }: Scenario): readonly Fact[] {
  const { copyMode = 'background', granularity = 65_536 } = mirror;
  const goesWrong = faults.map((fault) =>
    fault.type === 'power-cut' ? 'a power cut' : `${fault.type} on the ${fault.disk}`,
  );
  return [
    ['Disks', `${sectors} sectors, granules of ${granularity} bytes`],
    ['Guest', guest.requests.map(describeStep).join(', ') || 'asks for nothing'],
    ['Mirror', `${copyMode}, told to ${verbs.map(({ verb }) => verb).join(', ') || 'do nothing'}`],
    ['May go wrong', goesWrong.join(', ') || 'nothing'],
  ];
}

function captionOf(violation: Violation | undefined): string {
  const drawn =
    'Bars are requests from when they were asked to when they were answered, dots where';
  const parts = [`${drawn} they took effect; numbers are steps.`];
  if (violation) parts.push(`At the end ${describeViolation(violation)}.`);
  const { sector } = violation ?? {};
  if (sector !== undefined) parts.push(`Rows about sector ${sector} have a background.`);
  const lost = lostRequest(violation);
  if (lost !== undefined) parts.push(`The write that is missing is request ${lost}.`);
  return parts.join(' ');
}
