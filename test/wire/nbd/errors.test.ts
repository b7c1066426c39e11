import { describe, expect, it } from 'vitest';
import { errorCodeOf, errorValueOf } from '../../../src/wire/nbd/errors.ts';

describe('errors', () => {
  it.each([
    [1, 'EPERM'],
    [5, 'EIO'],
    [12, 'ENOMEM'],
    [22, 'EINVAL'],
    [28, 'ENOSPC'],
    [95, 'ENOTSUP'],
    [108, 'ESHUTDOWN'],
  ] as const)('are the same here and there: %i is %s', (value, code) => {
    expect(errorCodeOf(value)).toBe(code);
    expect(errorValueOf(code)).toBe(value);
  });

  it.each([
    ['EROFS', 1],
    ['EACCES', 1],
    ['EFBIG', 28],
    ['ENOENT', 5],
    ['ETIMEDOUT', 5],
  ] as const)('that the protocol has not are what comes nearest: %s is %i', (code, value) => {
    expect(errorValueOf(code)).toBe(value);
  });

  it.each([0, 2, 75, 107, 109, 0xffff_ffff])('of a server that are not ours: %i', (value) => {
    expect(errorCodeOf(value)).toBe('EINVAL');
  });
});
