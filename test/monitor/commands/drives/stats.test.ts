import { expect, it } from 'vitest';
import { OperationAccount } from '../../../../src/device/accounting.ts';
import { Drive } from '../../../../src/machine/drive.ts';
import { driveStatsOf } from '../../../../src/monitor/commands/drives/stats.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

function driveWith(options: { accountFailed?: boolean; statsIntervals?: number[] } = {}) {
  const clock = new FakeClock();
  const drive = new Drive({ name: 'd0', ...options }, clock);
  const stats = () => driveStatsOf(drive, clock.nowMs()).stats;
  return { clock, drive, stats };
}

it('counts write zeroes among the writes, in nanoseconds, and discards as unmaps', () => {
  const { drive, stats } = driveWith();
  const { operations } = drive.accounts;
  operations.in.countDone(512, 1);
  operations.out.countDone(1024, 2);
  operations.writeZeroes.countDone(2048, 4);
  operations.discard.countDone(4096, 8);
  operations.flush.countFailed(16);
  operations.in.invalid += 1;
  expect(stats()).toMatchObject({
    ...{ rd_bytes: 512, rd_operations: 1, rd_total_time_ns: 1e6, invalid_rd_operations: 1 },
    ...{ wr_bytes: 3072, wr_operations: 2, wr_total_time_ns: 6e6 },
    ...{ unmap_bytes: 4096, unmap_operations: 1, unmap_total_time_ns: 8e6 },
    ...{ flush_operations: 0, failed_flush_operations: 1, flush_total_time_ns: 16e6 },
    ...{ account_invalid: true, account_failed: true, timed_stats: [] },
  });
});

it('knows how long nothing was asked for, once something was', () => {
  const { clock, drive, stats } = driveWith();
  expect(stats().idle_time_ns).toBeUndefined();
  drive.accounts.begin(clock.nowMs());
  drive.accounts.end(clock.nowMs());
  clock.pass(3);
  expect(stats().idle_time_ns).toBe(3e6);
});

it('leaves the time of failed requests out where that is wished for', () => {
  const { drive, stats } = driveWith({ accountFailed: false });
  drive.accounts.operations.in.countFailed(5);
  expect(stats()).toMatchObject({
    ...{ failed_rd_operations: 1, rd_total_time_ns: 0, account_failed: false },
  });
});

it('shows histograms and intervals of what is counted', () => {
  const { drive, stats } = driveWith({ statsIntervals: [60] });
  drive.histograms.set('write', [3_000_000]);
  const { out, writeZeroes } = drive.accounts.operations;
  out.countDone(512, 2);
  writeZeroes.countDone(512, 4);
  expect(stats()).toMatchObject({
    wr_latency_histogram: { boundaries: [3_000_000], bins: [1, 1] },
    timed_stats: [
      {
        interval_length: 60,
        min_wr_latency_ns: 2e6,
        max_wr_latency_ns: 4e6,
        avg_wr_latency_ns: 3e6,
      },
    ],
  });
  expect(stats().rd_latency_histogram).toBeUndefined();
  // The accounts themselves do not change by being told of.
  expect(out).toBeInstanceOf(OperationAccount);
  expect(out.requests).toBe(1);
});
