import { describe, expect, it } from 'vitest';
import { BlockError, type BlockErrorCode } from '../../src/base/errors.ts';
import type { ErrorAction, ErrorPolicy } from '../../src/block/error-policy.ts';
import type { DeviceEvent } from '../../src/device/events.ts';
import { Failures } from '../../src/device/failures.ts';
import type { GuestRequest } from '../../src/device/request.ts';

const data = new Uint8Array(512);
const READ: GuestRequest = { type: 'in', sector: 0, data };
const WRITES: readonly GuestRequest[] = [
  { type: 'out', sector: 0, data },
  { type: 'flush' },
  { type: 'discard', segments: [] },
  { type: 'writeZeroes', segments: [] },
];
const error = (code: BlockErrorCode) => new BlockError(code, 'test', 'broken');
const name = 'vda';
const onStop = () => {};

const MEANINGS: readonly [ErrorPolicy, ErrorAction, ErrorAction][] = [
  ['report', 'report', 'report'],
  ['ignore', 'ignore', 'ignore'],
  ['stop', 'stop', 'stop'],
  ['enospc', 'stop', 'report'],
];

describe('Failures', () => {
  for (const [policy, full, broken] of MEANINGS) {
    it(`answers ${policy} with ${full} for a full disk and ${broken} for a broken one`, () => {
      const forReads = new Failures({ name, rerror: policy, werror: 'report', onStop });
      const forWrites = new Failures({ name, werror: policy, rerror: 'report', onStop });
      expect(forReads.actionFor(READ, error('ENOSPC'))).toBe(full);
      expect(forReads.actionFor(READ, error('EIO'))).toBe(broken);
      expect(forWrites.actionFor(READ, error('ENOSPC'))).toBe('report');
      for (const request of WRITES) {
        expect(forWrites.actionFor(request, error('ENOSPC'))).toBe(full);
        expect(forWrites.actionFor(request, error('EIO'))).toBe(broken);
        expect(forReads.actionFor(request, error('ENOSPC'))).toBe('report');
      }
    });
  }

  it('reports failed reads and stops for a full disk unless it is told otherwise', () => {
    const failures = new Failures({ name, onStop });
    expect(failures.actionFor(READ, error('ENOSPC'))).toBe('report');
    for (const request of WRITES) {
      expect(failures.actionFor(request, error('ENOSPC'))).toBe('stop');
      expect(failures.actionFor(request, error('EIO'))).toBe('report');
    }
  });

  it('does not stop of itself where nobody would continue the machine', () => {
    const failures = new Failures({ name });
    for (const request of WRITES) {
      expect(failures.actionFor(request, error('ENOSPC'))).toBe('report');
    }
    expect(failures.ioStatus).toBeUndefined();
    const told = new Failures({ name, werror: 'enospc' });
    for (const request of WRITES) expect(told.actionFor(request, error('ENOSPC'))).toBe('stop');
  });

  it('keeps the status of the first error that stops, until it is forgotten', () => {
    const failures = new Failures({ name, rerror: 'stop', onStop });
    const tell = (code: BlockErrorCode, action: ErrorAction) =>
      failures.tell({ request: READ, error: error(code), action, nodeName: 'disk' });
    tell('EIO', 'report');
    expect(failures.ioStatus).toBe('ok');
    tell('ENOSPC', 'stop');
    tell('EIO', 'stop');
    expect(failures.ioStatus).toBe('nospace');
    failures.forget();
    expect(failures.ioStatus).toBe('ok');
    tell('EIO', 'stop');
    expect(failures.ioStatus).toBe('failed');
  });

  it('has a status only when an error can stop the machine', () => {
    const both = { name, onStop } as const;
    expect(new Failures({ ...both, werror: 'report' }).ioStatus).toBeUndefined();
    expect(new Failures({ ...both, rerror: 'ignore', werror: 'ignore' }).ioStatus).toBeUndefined();
    expect(new Failures({ ...both, rerror: 'stop', werror: 'report' }).ioStatus).toBe('ok');
    expect(new Failures(both).ioStatus).toBe('ok');
  });

  it('tells what QEMU tells', () => {
    const events: DeviceEvent[] = [];
    const onEvent = (event: DeviceEvent) => events.push(event);
    const failure = { request: WRITES[1] ?? READ, error: error('ENOSPC'), nodeName: 'disk' };
    new Failures({ name, onEvent, onStop }).tell({ ...failure, action: 'stop' });
    new Failures({ name, onEvent }).tell({ ...failure, request: READ, action: 'ignore' });
    const where = {
      device: 'vda',
      'qom-path': '/machine/peripheral/vda/virtio-backend',
      'node-name': 'disk',
    };
    const reason = 'No space left on device';
    expect(events).toEqual([
      {
        event: 'BLOCK_IO_ERROR',
        data: { ...where, operation: 'write', action: 'stop', nospace: true, reason },
      },
      {
        event: 'BLOCK_IO_ERROR',
        data: { ...where, operation: 'read', action: 'ignore', reason },
      },
    ]);
  });
});
