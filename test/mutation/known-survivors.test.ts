import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { KNOWN_SURVIVORS, reasonFor } from './known-survivors.ts';
import { mutantsOf } from './mutants.ts';

const TOP = fileURLToPath(new URL('../..', import.meta.url));

describe('a known survivor', () => {
  it.each(KNOWN_SURVIVORS)('is a mutant of the program as it is: $change', ({ file, change }) => {
    const mutants = mutantsOf(file, readFileSync(join(TOP, file), 'utf8'));
    expect(mutants.some((mutant) => mutant.change.startsWith(change))).toBe(true);
  });

  it('has its reason, and any other mutant has none', () => {
    for (const { reason, ...mutant } of KNOWN_SURVIVORS) expect(reasonFor(mutant)).toBe(reason);
    expect(reasonFor({ file: 'src/jobs/job.ts', change: 'flip: «true»' })).toBeUndefined();
  });
});
