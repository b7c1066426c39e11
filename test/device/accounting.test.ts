import { describe, expect, it } from 'vitest';
import { DeviceAccounts } from '../../src/device/accounting.ts';

describe('DeviceAccounts', () => {
  it('weighs the queue depth by time', () => {
    const accounts = new DeviceAccounts(1000);
    accounts.begin(1000);
    accounts.begin(1010);
    accounts.end(1020);
    accounts.end(1050);
    // One for 10 ms, two for 10 ms, one for 30 ms, none for 50 ms.
    expect(accounts.statistics(1100).queue).toEqual({ depth: 0, depthMax: 2, depthMean: 0.6 });
  });

  it('counts what is in flight up to now', () => {
    const accounts = new DeviceAccounts(1000);
    accounts.begin(1005);
    accounts.begin(1005);
    expect(accounts.statistics(1010).queue).toEqual({ depth: 2, depthMax: 2, depthMean: 1 });
  });

  it('has a mean depth even in the moment it begins', () => {
    const accounts = new DeviceAccounts(1000);
    expect(accounts.statistics(1000).queue.depthMean).toBe(0);
  });

  it('forgets everything but what is in flight when it is reset', () => {
    const accounts = new DeviceAccounts(1000);
    for (const nowMs of [1000, 1001, 1002]) accounts.begin(nowMs);
    accounts.end(1003);
    accounts.operations.in.requests = 1;
    accounts.operations.in.latency.record(3);
    accounts.reset(1010);
    accounts.end(1020);
    const { sinceMs, all, queue } = accounts.statistics(1030);
    expect(sinceMs).toBe(1010);
    expect(all.requests).toBe(0);
    expect(all.latency.count).toBe(0);
    expect(queue).toEqual({ depth: 1, depthMax: 2, depthMean: 1.5 });
  });

  it('adds up the accounts of all types', () => {
    const accounts = new DeviceAccounts(0);
    const { operations } = accounts;
    Object.assign(operations.in, { requests: 1, bytes: 512, failed: 2, invalid: 3 });
    Object.assign(operations.out, { requests: 10, bytes: 4096, failed: 20, invalid: 30 });
    operations.in.latency.record(1);
    operations.out.latency.record(4);
    operations.out.latency.record(4);
    const { all } = accounts.statistics(1);
    expect(all).toMatchObject({ requests: 11, bytes: 4608, failed: 22, invalid: 33 });
    expect(all.latency).toMatchObject({ count: 3, minMs: 1, maxMs: 4, meanMs: 3 });
    expect(all.latency.p99Ms).toBeGreaterThan(3.5);
  });

  it('says 0 of latencies when there are none', () => {
    const { latency } = new DeviceAccounts(0).statistics(1).all;
    expect(latency).toEqual({
      count: 0,
      meanMs: 0,
      minMs: 0,
      maxMs: 0,
      p50Ms: 0,
      p99Ms: 0,
      p999Ms: 0,
    });
  });
});
