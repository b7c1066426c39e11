import { describe, expect, it } from 'vitest';
import { BlockError, fromSystemError, isBlockErrorCode } from '../../src/base/errors.ts';

/** An error as Node makes them of a failed system call. */
function systemError(code: string, message = `${code}: it failed, open 'disk.img'`): Error {
  return Object.assign(new Error(message), { code, syscall: 'open' });
}

describe('BlockError', () => {
  it('says what could not be done, and why', () => {
    const error = new BlockError('EINVAL', 'read 512 bytes at 0 of "disk"', 'the disk is gone');
    expect(error.message).toBe('Cannot read 512 bytes at 0 of "disk": the disk is gone');
    expect(error).toMatchObject({ name: 'BlockError', code: 'EINVAL' });
  });

  it('keeps the error that it came from', () => {
    const cause = new Error('first');
    expect(new BlockError('EIO', 'read', 'it failed', { cause }).cause).toBe(cause);
  });

  it('describes its code as the C library does', () => {
    const described = (['EIO', 'ENOSPC', 'EPERM', 'EBUSY', 'ECANCELED'] as const).map(
      (code) => new BlockError(code, 'write', 'it failed').description,
    );
    expect(described).toEqual([
      'Input/output error',
      'No space left on device',
      'Operation not permitted',
      'Device or resource busy',
      'Operation canceled',
    ]);
  });
});

describe('isBlockErrorCode()', () => {
  it('knows the codes and nothing else, not even what every object has', () => {
    expect(['EIO', 'ENOSPC', 'ESHUTDOWN'].every(isBlockErrorCode)).toBe(true);
    expect(['', 'eio', 'ENOTEMPTY', 'toString', 5, undefined].some(isBlockErrorCode)).toBe(false);
  });
});

describe('fromSystemError()', () => {
  it('keeps a code of ours, describes it and attaches the error', () => {
    const cause = systemError('ENOSPC');
    expect(fromSystemError(cause, 'write to "disk.img"')).toMatchObject({
      name: 'BlockError',
      code: 'ENOSPC',
      message: 'Cannot write to "disk.img": No space left on device',
      cause,
    });
  });

  it.each([
    ['EDQUOT', 'ENOSPC'],
    ['EOPNOTSUPP', 'ENOTSUP'],
    ['ENXIO', 'ENODEV'],
  ])('takes %s for %s', (given, code) => {
    expect(fromSystemError(systemError(given), 'open')).toMatchObject({ code });
  });

  it.each(['EMFILE', 'constructor', 'UNKNOWN'])(
    'makes EIO of the code %s and passes on the words',
    (code) => {
      expect(fromSystemError(systemError(code, 'too much'), 'open')).toMatchObject({
        name: 'BlockError',
        code: 'EIO',
        message: 'Cannot open: too much',
      });
    },
  );

  it('returns as it is what no system call threw', () => {
    const misuse = Object.assign(new TypeError('wrong'), { code: 'ERR_INVALID_ARG_TYPE' });
    const own = new BlockError('EIO', 'read', 'it failed');
    for (const error of [misuse, own, new Error('plain'), 'text', undefined]) {
      expect(fromSystemError(error, 'open')).toBe(error);
    }
  });
});
