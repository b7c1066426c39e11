/** How a request is carried out that a fault has befallen. */

import { unreachable } from '../base/assert.ts';
import { BlockError } from '../base/errors.ts';
import type { ByteRange } from '../base/ranges.ts';
import type { FaultRequest } from './fault-request.ts';
import { type ArmedRule, misdirected } from './fault-rule.ts';

/** What is done in place of a request. */
export interface Course {
  /** Where it goes, and how much of it, in bytes. */
  readonly offset: number;
  readonly length: number;
  readonly forceUnitAccess: boolean;
  /** What it fails with after that. */
  readonly failure?: BlockError;
  /** What becomes of the bytes that were read. */
  readonly corruption?: Corruption;
}

interface Corruption {
  readonly xor: number;
  /** Those of the disk's bytes that are bad; all where it is not given. */
  readonly range: ByteRange | undefined;
}

/**
 * @param context `action` is the request in words; `size` that of the disk, in bytes.
 * @returns `undefined` when nothing is done.
 * @throws {BlockError} When it fails without anything being done.
 */
export function courseOf(
  { id, rule }: ArmedRule,
  request: FaultRequest,
  context: { readonly action: string; readonly size: number },
): Course | undefined {
  const { action: fault } = rule;
  const failure = (code: BlockError['code']) =>
    new BlockError(code, context.action, `a fault was injected by "${id}"`);
  switch (fault.kind) {
    case 'error':
      throw failure(fault.code);
    case 'delay':
    case 'hang':
      return request;
    case 'lie':
      return rule.onlyForced ? { ...request, forceUnitAccess: false } : undefined;
    case 'torn': {
      const torn = { ...request, length: fault.bytes };
      return fault.code === undefined ? torn : { ...torn, failure: failure(fault.code) };
    }
    case 'misdirect':
      return { ...request, offset: misdirected(fault.toOffset, request, context.size) };
    case 'corrupt':
      return { ...request, corruption: { xor: fault.xor, range: rule.range } };
    default:
      return unreachable(fault);
  }
}

/** Flips bits of what was read from `offset`. */
export function corrupt(bytes: Uint8Array, offset: number, { xor, range }: Corruption): void {
  const start = range ? Math.max(range.offset - offset, 0) : 0;
  const end = range ? Math.min(range.offset + range.length - offset, bytes.length) : bytes.length;
  for (let at = start; at < end; at += 1) bytes[at] = (bytes[at] ?? 0) ^ xor;
}
