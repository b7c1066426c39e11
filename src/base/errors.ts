/**
 * The errors a block operation may end in.
 *
 * One class, one closed list of codes. The codes are the errno names QEMU, NBD and Linux share, so
 * every boundary (virtio status byte, NBD reply, QMP event) is one table over them. Wrong use of a
 * TypeScript API throws `TypeError` or `RangeError` instead, and a broken invariant throws from
 * `assert`; neither is ever turned into an I/O status.
 */

/** What the C library says of each code: the text that QEMU's events carry. */
const DESCRIPTIONS = {
  EACCES: 'Permission denied',
  EADDRINUSE: 'Address already in use',
  EADDRNOTAVAIL: 'Cannot assign requested address',
  EBUSY: 'Device or resource busy',
  ECANCELED: 'Operation canceled',
  ECONNABORTED: 'Software caused connection abort',
  ECONNREFUSED: 'Connection refused',
  ECONNRESET: 'Connection reset by peer',
  EEXIST: 'File exists',
  EFBIG: 'File too large',
  EHOSTUNREACH: 'No route to host',
  EINVAL: 'Invalid argument',
  EIO: 'Input/output error',
  EISDIR: 'Is a directory',
  ENAMETOOLONG: 'File name too long',
  ENETUNREACH: 'Network is unreachable',
  ENODEV: 'No such device',
  ENOENT: 'No such file or directory',
  ENOMEM: 'Cannot allocate memory',
  ENOSPC: 'No space left on device',
  ENOTCONN: 'Transport endpoint is not connected',
  ENOTDIR: 'Not a directory',
  ENOTSUP: 'Operation not supported',
  EPERM: 'Operation not permitted',
  EPIPE: 'Broken pipe',
  EPROTO: 'Protocol error',
  EROFS: 'Read-only file system',
  ESHUTDOWN: 'Cannot send after transport endpoint shutdown',
  ETIMEDOUT: 'Connection timed out',
} as const;

/** The errno name of a failed operation. */
export type BlockErrorCode = keyof typeof DESCRIPTIONS;

/** An operation that failed for a reason outside this program. */
export class BlockError extends Error {
  override readonly name = 'BlockError';
  readonly code: BlockErrorCode;
  /** The rule and the value that broke it, or what the system said: QEMU's text if it has one. */
  readonly reason: string;
  /** Advice that goes with it, on a line of its own. */
  readonly hint: string | undefined;
  readonly #description: string | undefined;

  /**
   * @param action What could not be done, as a verb and its object: `read 512 bytes at 0 of
   *   "disk"`.
   * @param reason As {@link BlockError.reason}.
   * @param options With a `description` where QEMU's events say something else than the code, with
   *   `told` where what QEMU tells is more than what follows from the action, and with a `hint`
   *   where QEMU has one for people.
   */
  constructor(
    code: BlockErrorCode,
    action: string,
    reason: string,
    options: ErrorOptions & {
      readonly description?: string;
      readonly told?: string;
      readonly hint?: string;
    } = {},
  ) {
    super(`Cannot ${action}: ${reason}`, options);
    this.code = code;
    this.reason = options.told ?? reason;
    this.hint = options.hint;
    this.#description = options.description;
  }

  /** What events say of it: mostly the C library's text for the code ("Input/output error"). */
  get description(): string {
    return this.#description ?? DESCRIPTIONS[this.code];
  }
}

/** Whether a string is one of the codes. */
export function isBlockErrorCode(code: unknown): code is BlockErrorCode {
  return typeof code === 'string' && Object.hasOwn(DESCRIPTIONS, code);
}

/**
 * Turns an error of the operating system into a {@link BlockError}; one that is a `BlockError`
 * already, or that is none of the system's, comes back as it is.
 *
 * @param action As for {@link BlockError}. A code outside our list becomes `EIO`.
 */
export function fromSystemError(error: unknown, action: string): unknown {
  if (!(error instanceof Error) || error instanceof BlockError) return error;
  if (!('syscall' in error) || !('code' in error)) return error;
  const code = ALIASES[String(error.code)] ?? error.code;
  const known = isBlockErrorCode(code) ? code : 'EIO';
  const reason = isBlockErrorCode(code) ? DESCRIPTIONS[known] : error.message;
  return new BlockError(known, action, reason, { cause: error });
}

const ALIASES: Readonly<Record<string, BlockErrorCode>> = {
  EDQUOT: 'ENOSPC',
  EOPNOTSUPP: 'ENOTSUP',
  ENXIO: 'ENODEV',
};
