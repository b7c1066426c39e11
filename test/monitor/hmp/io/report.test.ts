import { expect, it } from 'vitest';
import { dump, reportTransfer } from '../../../../src/monitor/hmp/io/report.ts';

function printed(run: (output: { readonly print: (text: string) => void }) => void): string {
  let text = '';
  run({
    print: (more) => {
      text += more;
    },
  });
  return text;
}

function report(durationMs: number, terse = false): string {
  const transfer = { verb: 'read', offset: 512, length: 65536, durationMs };
  return printed((output) => reportTransfer(transfer, { terse }, output));
}

it.each([
  [500, '00.50 sec (128 KiB/sec and 2.0000 ops/sec)'],
  [3, '00.00 sec (20.833 MiB/sec and 333.3333 ops/sec)'],
  [2500, '0:00:02.50 (25.600 KiB/sec and 0.4000 ops/sec)'],
  [3_723_450, '1:02:03.45 (17.600881 bytes/sec and 0.0003 ops/sec)'],
])('a transfer of %d ms is told with its rates', (durationMs, text) => {
  expect(report(durationMs)).toBe(`read 65536/65536 bytes at offset 512\n64 KiB, 1 ops; ${text}\n`);
});

it('a transfer is told to programs in one line', () => {
  expect(report(2000, true)).toBe('65536,1,0:00:02.00,32768.000,0.500\n');
});

it('a transfer that took no time is told all the same', () => {
  expect(report(0)).toContain('00.00 sec (59.605 TiB/sec and 1000000000.0000 ops/sec)');
});

it('bytes are shown in lines of sixteen', () => {
  const bytes = Uint8Array.from({ length: 18 }, (_, index) => 0x2f + index);
  expect(printed((output) => dump(bytes, { offset: 0xff0 }, output))).toBe(
    '00000ff0:  2f 30 31 32 33 34 35 36 37 38 39 3a 3b 3c 3d 3e  .0123456789.....\n' +
      '00001000:  3f 40  ..\n',
  );
});
