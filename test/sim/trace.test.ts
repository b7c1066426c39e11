/**
 * What happens in a run depends on its seed, and on nothing else: not on Node, whose versions
 * differ in the order of timers and of promises, nor on the machine.
 *
 * `fixtures/seeds/traces.sha256` changes when the mirror or the simulation does; then
 * `npx vitest run test/sim/trace.test.ts -u` writes it anew.
 */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { installedNodes } from '../support/nodes.ts';

const OUTPUT_MAX = 64 * 1024 * 1024;
const TOP = fileURLToPath(new URL('../..', import.meta.url));

/** The traces under the Node that runs the tests. */
let own: readonly string[] = [];

beforeAll(() => {
  // Does nothing where dist/ is that of these sources.
  execFileSync(process.execPath, ['.ci/prepare.js'], { cwd: TOP, stdio: 'pipe' });
  own = tracesUnder(process.execPath);
}, 120_000);

/** @returns What the runs print under a Node, a line for each. */
function tracesUnder(node: string): readonly string[] {
  const options = { cwd: TOP, encoding: 'utf8', maxBuffer: OUTPUT_MAX } as const;
  return execFileSync(node, ['test/support/print-traces.js'], options).trimEnd().split('\n');
}

describe('the traces of the same seeds', { timeout: 60_000 }, () => {
  it('are those that were written down', async () => {
    const digests = own.map((line) => {
      const [name = '', trace = ''] = line.split('\t');
      return `${createHash('sha256').update(trace).digest('hex')}  ${name}\n`;
    });
    expect(digests.length).toBeGreaterThan(40);
    await expect(digests.join('')).toMatchFileSnapshot('../../fixtures/seeds/traces.sha256');
  });

  const nodes = installedNodes().map(({ version, path }) => [version, path] as const);

  it.each(nodes)('are the same, byte for byte, on Node %s', (_, path) => {
    expect(tracesUnder(path)).toEqual(own);
  });
});
