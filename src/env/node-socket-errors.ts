/** The errors of Node's sockets, its TLS and its look-up of names, as errors of ours. */

import { BlockError, type BlockErrorCode, fromSystemError } from '../base/errors.ts';

/** What the C library says when a name leads to no address; QEMU says the same. */
const LOOKUP_TEXTS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'Name or service not known',
  ENODATA: 'No address associated with hostname',
  EAI_AGAIN: 'Temporary failure in name resolution',
  EAI_FAIL: 'Non-recoverable failure in name resolution',
};

/** In OpenSSL's names: the other side refuses this one, or has not proved what it must. */
const REFUSAL = /_ALERT_|CERTIFICATE|ALTNAME|BINDER/;

/**
 * @param action As for {@link BlockError}. @returns The error itself if it is one of ours.
 */
export function socketError(error: unknown, action: string): BlockError {
  // Of a name with several addresses, none of which could be reached.
  if (error instanceof AggregateError) return socketError(error.errors[0], action);
  if (!(error instanceof Error)) return new BlockError('EIO', action, String(error));
  const { code = '', syscall } = error as NodeJS.ErrnoException;
  if (syscall === 'getaddrinfo') {
    const reason = LOOKUP_TEXTS[code] ?? error.message;
    return new BlockError('EHOSTUNREACH', action, reason, { cause: error });
  }
  const translated = fromSystemError(error, action);
  if (translated instanceof BlockError) return translated;
  // OpenSSL's message is a line of its log, which has the reason in it.
  const reason = 'reason' in error ? String(error.reason) : error.message;
  return new BlockError(tlsCodeOf(code), action, reason, { cause: error });
}

/** What fails to hold of a certificate is a code without the prefix of Node's own ones. */
function tlsCodeOf(code: string): BlockErrorCode {
  const isVerdict = code !== '' && !/^E(RR_|CONN)/.test(code);
  return isVerdict || REFUSAL.test(code) ? 'EACCES' : 'EIO';
}
