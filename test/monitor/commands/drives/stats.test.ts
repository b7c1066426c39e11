import { expect, it } from 'vitest';
import { OperationAccount } from '../../../../src/device/accounting.ts';
import { Drive, type DriveOptions } from '../../../../src/machine/drive.ts';
import { driveStatsOf } from '../../../../src/monitor/commands/drives/stats.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

function driveWith(options: Omit<DriveOptions, 'name'> = {}) {
  const clock = new FakeClock();
  const drive = new Drive({ name: 'd0', ...options }, clock);
  const stats = () => driveStatsOf(drive, clock.nowMs()).stats;
  return { clock, drive, stats };
}

it('counts write zeroes among the writes, in nanoseconds, and discards as unmaps', () => {
  const { drive, stats } = driveWith();
  const { operations } = drive.accounts;
  operations.in.countDone(512, 0, 1);
  operations.out.countDone(1024, 0, 2);
  operations.writeZeroes.countDone(2048, 0, 4);
  operations.discard.countDone(4096, 0, 8);
  operations.flush.countFailed(0, 16);
  operations.in.countInvalid(0);
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
  const { in: reads, out, flush } = drive.accounts.operations;
  const ends = [
    (nowMs: number) => reads.countDone(512, nowMs, nowMs),
    (nowMs: number) => out.countFailed(nowMs, nowMs),
    (nowMs: number) => flush.countInvalid(nowMs),
  ];
  for (const end of ends) {
    end(clock.nowMs());
    expect(stats().idle_time_ns).toBe(0);
    clock.pass(3);
    expect(stats().idle_time_ns).toBe(3e6);
  }
});

it('has failed requests in its histogram alone, where they are not to count', () => {
  const { drive, stats } = driveWith({ accountRules: { failed: false }, statsIntervals: [60] });
  drive.histograms.set('read', [1_000_000]);
  drive.accounts.operations.in.countFailed(0, 5);
  expect(stats()).toMatchObject({
    ...{ failed_rd_operations: 1, rd_total_time_ns: 0, idle_time_ns: undefined },
    ...{ account_failed: false, account_invalid: true },
    rd_latency_histogram: { bins: [0, 1] },
    timed_stats: [{ max_rd_latency_ns: 0 }],
  });
});

it('counts requests that are refused, but not as a use, where they are not to count', () => {
  const { drive, stats } = driveWith({ accountRules: { invalid: false } });
  drive.accounts.operations.out.countInvalid(5);
  expect(stats()).toMatchObject({
    ...{ invalid_wr_operations: 1, idle_time_ns: undefined },
    ...{ account_failed: true, account_invalid: false },
  });
  drive.setAccountRules({ invalid: true });
  drive.accounts.operations.out.countInvalid(5);
  expect(stats()).toMatchObject({ invalid_wr_operations: 2, account_invalid: true });
  expect(stats().idle_time_ns).toBeDefined();
});

it('shows histograms and intervals of what is counted', () => {
  const { drive, stats } = driveWith({ statsIntervals: [60] });
  drive.histograms.set('write', [3_000_000]);
  const { out, writeZeroes } = drive.accounts.operations;
  out.countDone(512, 0, 2);
  writeZeroes.countDone(512, 0, 4);
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
