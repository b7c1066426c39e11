import { describe, expect, it } from 'vitest';
import { blkdebugOf } from '../../src/filters/blkdebug.ts';
import { driverContract } from '../contract/driver-contract.ts';
import { pattern } from '../support/drivers.ts';
import { begin, openFaults, openFilter, outcome } from '../support/fault-rig.ts';
import { settle } from '../support/settle.ts';

const over = (options: object) => (size: number) => ({
  driver: 'blkdebug',
  image: { driver: 'memory', size },
  ...options,
});

driverContract({ name: 'blkdebug without rules', options: over({}) });

driverContract({ name: 'blkdebug with sectors of 4 KiB', options: over({ align: 4096 }) });

driverContract({
  name: 'blkdebug with every limit',
  options: over({
    align: 512,
    'max-transfer': 1536,
    'opt-write-zero': 4096,
    'max-write-zero': 12_288,
    'opt-discard': 2048,
    'max-discard': 6144,
  }),
});

driverContract({
  name: 'blkdebug with rules that nothing meets',
  options: over({
    'inject-error': [{ initiator: 'job' }, { event: 'read_aio', state: 2 }],
    'set-state': [{ event: 'flush_to_disk', state: 3, new_state: 4 }],
  }),
});

driverContract({
  name: 'blkdebug with requests that are late',
  options: over({ 'inject-error': [{ action: 'delay', 'delay-ms': 0.01, probability: 0.05 }] }),
});

describe('blkdebug', () => {
  it('shows the disk below, synchronously, while nothing is to happen', async () => {
    const { node, below, disk, guest } = await openFaults([]);
    expect(node.filtered).toBe(below);
    expect(guest.write(0, pattern(512))).toBeUndefined();
    const into = new Uint8Array(512);
    expect(guest.read(0, into)).toBeUndefined();
    expect(into).toEqual(pattern(512));
    expect(guest.flush()).toBeUndefined();
    expect(guest.blockStatus(0, 512)).not.toBeInstanceOf(Promise);
    await guest.writeZeroes(0, 512, { mayUnmap: true, noFallback: true, forceUnitAccess: true });
    await guest.discard(512, 512);
    expect(disk.calls.slice(-2)).toMatchObject([
      {
        operation: 'writeZeroes',
        options: { mayUnmap: true, noFallback: true, forceUnitAccess: true },
      },
      { operation: 'discard', offset: 512, length: 512 },
    ]);
    await node.resize(4096);
    expect(disk.bytes.length).toBe(4096);
  });

  it('stays synchronous where a rule is for others', async () => {
    const { guest } = await openFaults([{ initiator: 'job' }, { event: 'write_aio', state: 9 }]);
    expect(guest.write(0, pattern(512))).toBeUndefined();
    expect(guest.read(0, new Uint8Array(512))).toBeUndefined();
  });

  it('says who began a request to those below', async () => {
    const lower = { driver: 'blkdebug', image: 'below', 'node-name': 'lower' };
    const { graph, guest, node } = await openFaults([], { image: lower });
    const control = blkdebugOf(graph.find('lower'));
    control?.arm({ initiator: 'guest' });
    const each = [
      () => guest.read(0, new Uint8Array(512)),
      () => guest.write(0, new Uint8Array(512)),
      () => guest.writeZeroes(0, 512),
      () => guest.discard(0, 512),
      () => guest.flush(),
    ];
    for (const request of each) expect(await outcome(request)).toBe('EIO');
    expect(await outcome(() => node.flush())).toBe('done');
    expect(control?.receipts[0]?.requests.at(-1)).toMatchObject({ origin: 'vda' });
  });

  it('makes a disk of large sectors and small pieces of any other', async () => {
    const { node, guest, disk } = await openFaults([], { align: 4096, 'max-transfer': 8192 });
    expect(node.limits).toMatchObject({ alignment: 4096, transferMax: 8192 });
    await guest.write(0, pattern(20_480));
    expect(disk.calls.map(({ length }) => length)).toEqual([8192, 8192, 4096]);
    await guest.write(100, pattern(100));
    expect(disk.calls.slice(3)).toMatchObject([
      { operation: 'read', offset: 0, length: 4096 },
      { operation: 'write', offset: 0, length: 4096 },
    ]);
  });

  it('refuses what it does not support and what contradicts itself', async () => {
    const refusal = (options: object) =>
      openFaults([], { ...options }).then(
        () => 'opened',
        (error: Error) => error.message,
      );
    expect(await refusal({ config: 'rules.conf' })).toBe(
      "Cannot open the node: Parameter 'config' is not supported",
    );
    expect(await refusal({ 'take-child-perms': ['write'] })).toBe(
      "Cannot open the node: Parameter 'take-child-perms' is not supported",
    );
    expect(await refusal({ 'inject-error': 5 })).toMatch(/expected: array/);
    expect(await refusal({ 'inject-error': [{ event: 'l2_update' }] })).toBe(
      "Cannot read a parameter: Parameter 'event' does not accept value 'l2_update'",
    );
    expect(await refusal({ 'set-state': [{ event: 'read_aio' }] })).toMatch(
      /'set-state\[0\].new_state' is missing/,
    );
    expect(await refusal({ 'inject-error': [{ id: 'a' }, { id: 'a' }] })).toMatch(/Duplicate ID/);
    expect(await refusal({ align: 3 })).toBe(
      'Cannot open "disk": Cannot meet constraints with align 3',
    );
  });

  it('is known by its node, as no other node is', async () => {
    const { node, below, control } = await openFaults([]);
    expect(blkdebugOf(node)).toBe(control);
    expect(blkdebugOf(below)).toBeUndefined();
    const other = await openFilter({ driver: 'delay' });
    expect(blkdebugOf(other.node)).toBeUndefined();
  });

  it('tells two filters on one node apart', async () => {
    const { graph, control } = await openFaults([]);
    const second = await graph.open({ driver: 'blkdebug', image: 'below' });
    expect(blkdebugOf(second)).toBeDefined();
    expect(blkdebugOf(second)).not.toBe(control);
  });

  it('chooses a seed by chance where none is given, and tells it', async () => {
    const { control } = await openFaults([], { seed: 7 });
    expect(control.seed).toBe(7);
    const { node } = await openFilter({ driver: 'blkdebug' });
    expect(blkdebugOf(node)?.seed).toBeGreaterThan(0);
  });

  it('fails what waits in it when it is told to, and goes on with later requests', async () => {
    const rules = [
      { action: 'hang', iotype: 'read', count: 1 },
      { action: 'delay', 'delay-ms': 1000, iotype: 'write', count: 1 },
    ];
    const { control, node, guest, clock } = await openFaults(rules);
    control.suspend('flush_to_disk', 'A');
    const begun = [
      begin(() => guest.read(0, new Uint8Array(512))),
      begin(() => guest.write(0, new Uint8Array(512))),
      begin(() => guest.flush()),
    ];
    await settle();
    expect(begun.map(({ state }) => state)).toEqual(['pending', 'pending', 'pending']);
    expect(control.receipts.map(({ held }) => held)).toEqual([1, 1]);
    node.cancelInFlight();
    await settle();
    expect(begun.map(({ state }) => state)).toEqual(['ECANCELED', 'ECANCELED', 'ECANCELED']);
    expect(control.receipts.map(({ held }) => held)).toEqual([0, 0]);
    expect([node.inFlight, clock.timers]).toEqual([0, 0]);
    expect(await outcome(() => guest.read(0, new Uint8Array(512)))).toBe('done');
    expect(await outcome(() => guest.flush())).toBe('done');
  });

  it('leaves nothing waiting when it closes', async () => {
    const rules = [{ action: 'delay', 'delay-ms': 1000, iotype: 'write' }, { action: 'hang' }];
    const { control, driver, clock } = await openFaults(rules);
    control.suspend('discard', 'A');
    const begun = [
      begin(() => driver.write(0, new Uint8Array(512), { forceUnitAccess: false })),
      begin(() => driver.read(0, new Uint8Array(512))),
      begin(() => driver.discard?.(0, 512)),
    ];
    await settle();
    expect(control.isSuspended('A')).toBe(true);
    await driver.close();
    await settle();
    expect(begun.map(({ state }) => state)).toEqual(['ECANCELED', 'ECANCELED', 'ECANCELED']);
    expect(clock.timers).toBe(0);
  });

  it('does not let what was cancelled wait again', async () => {
    const { control, node, guest } = await openFaults([{ action: 'hang', iotype: 'write' }]);
    const write = begin(() => guest.write(0, new Uint8Array(512)));
    await settle();
    control.suspend('pwritev_done', 'A');
    node.cancelInFlight();
    await settle();
    expect(write.state).toBe('ECANCELED');
    expect(control.isSuspended('A')).toBe(false);
  });
});
