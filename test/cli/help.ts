/** What holds for the help of every command. */

import { expect } from 'vitest';
import { runMain } from '../support/fake-io.ts';

/** Demands of a help that it fits on a terminal, and names options that there are. */
export async function checkHelp(name: string): Promise<void> {
  const { exitCode, stdout } = await runMain([name, '--help']);
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(new RegExp(`^Usage: mirrordisk ${name} [^]*Exit codes: 0 `));
  for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  for (const option of new Set(stdout.match(/--[a-z][a-z-]*/g))) {
    // Two names are refused as well, before anything is done.
    const { stderr } = await runMain([name, 'a', 'b', option]);
    expect(stderr).not.toContain('Unknown option');
  }
}
