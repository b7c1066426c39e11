import { describe, expect, it } from 'vitest';
import { describeReport, type Judged, reportJson } from './report.ts';

function judged(by: Judged['by'], line: number): Judged {
  return { file: 'src/jobs/a.ts', line, change: 'flip: let a = «true»;', by, what: '' };
}

const ALL = [judged('simulation', 1), judged('tests', 2), judged('time-out', 3)];

describe('the report', () => {
  it('tells how many were caught, by whom, and each that was not', () => {
    expect(describeReport([...ALL, judged('nobody', 4)]).split('\n')).toEqual([
      '4 mutants, 3 caught (75.0 %): simulation 1, tests 1, time-out 1',
      'src/jobs/a.ts:4: flip: let a = «true»;',
      '    reason: not yet known',
    ]);
  });

  it('tells programs of every mutant', () => {
    const report: unknown = JSON.parse(reportJson(ALL));
    expect(report).toMatchObject({ counted: 3, survivors: 0, mutants: ALL });
  });
});
