/**
 * What a rule of faults says, read and checked.
 *
 * QEMU's BlkdebugInjectErrorOptions, and more. A rule tells which requests it is for (`event`,
 * `state`, `iotype`, `sector` or `range`, `initiator`, `limit-bytes`, `from-ms`, `until-ms`), how
 * often it fires for them (`once`, `count`, `skip`, `probability`), and what happens then:
 *
 *     error      fails with `errno`; `stage: complete` does what was asked before
 *     delay      is late by `delay-ms`, before it is done or, with `stage: complete`, after
 *     hang       ends when it is released or cancelled; `stage` as for delay
 *     lie        succeeds, and nothing is done; of `iotype: fua` all is done but the making durable
 *     torn       writes the first `bytes` only, then succeeds, or fails with `errno`
 *     misdirect  reads or writes at `to-offset` instead, or where the disk still has room for it
 *     corrupt    reads, and flips the bits `xor` of every byte, of those of the range if it has one
 *
 * An option that would change nothing is refused, for whoever gave it expects that it does.
 */

import { assert } from '../base/assert.ts';
import type { BlockErrorCode } from '../base/errors.ts';
import type { ByteRange } from '../base/ranges.ts';
import { refuse, unsigned } from '../block/options.ts';
import { enumeration, optional, struct, withDefault } from '../wire/qapi/composites.ts';
import { bool, str } from '../wire/qapi/scalars.ts';
import type { Type, ValueOf } from '../wire/qapi/type.ts';
import { type BlkdebugEvent, blkdebugEvent } from './blkdebug-events.ts';
import { type FaultOperation, INITIATORS, type Initiator, OPERATIONS } from './fault-request.ts';
import {
  range as byteRange,
  errno,
  milliseconds,
  numberFrom,
  positive,
  probability,
} from './fault-values.ts';

const SECTOR_LENGTH = 512;
const XOR_DEFAULT = 0xff;

/** The operations that QEMU means when no `iotype` is given. */
const USUAL: readonly FaultOperation[] = ['read', 'write', 'write-zeroes', 'discard', 'flush'];

/** The options that have a meaning for some actions only, and the operations each can befall. */
const ACTIONS = {
  error: { options: ['errno', 'immediately', 'stage'], operations: OPERATIONS },
  delay: { options: ['stage'], operations: OPERATIONS },
  hang: { options: ['stage'], operations: OPERATIONS },
  lie: { options: [], operations: ['write', 'write-zeroes', 'discard', 'flush'] },
  torn: { options: ['bytes', 'errno'], operations: ['write', 'write-zeroes'] },
  misdirect: { options: ['to-offset'], operations: ['read', 'write'] },
  corrupt: { options: ['xor'], operations: ['read'] },
} as const satisfies Record<string, ActionRules>;

interface ActionRules {
  readonly options: readonly (keyof GivenRule)[];
  readonly operations: readonly FaultOperation[];
}

/** What happens to a request when a rule fires. */
export type FaultAction =
  | { readonly kind: 'error'; readonly code: BlockErrorCode; readonly immediately: boolean }
  | { readonly kind: 'delay' }
  | { readonly kind: 'hang' }
  | { readonly kind: 'lie' }
  | { readonly kind: 'torn'; readonly bytes: number; readonly code: BlockErrorCode | undefined }
  | { readonly kind: 'misdirect'; readonly toOffset: number }
  | { readonly kind: 'corrupt'; readonly xor: number };

/** A rule as it was read; see the options above for what each part does. */
export interface FaultRule {
  readonly id: string | undefined;
  readonly event: BlkdebugEvent;
  /** 0 for any. */
  readonly state: number;
  readonly operations: ReadonlySet<FaultOperation>;
  /** Only writes with the FUA flag. */
  readonly onlyForced: boolean;
  readonly range: ByteRange | undefined;
  readonly initiator: Initiator | 'any';
  /** Begins with the first request by which the rule's requests have more bytes in all. */
  readonly limitBytes: number | undefined;
  /** Since the filter was opened. */
  readonly fromMs: number;
  readonly untilMs: number;
  readonly skip: number;
  readonly countMax: number;
  readonly probability: number;
  readonly stage: 'submit' | 'complete';
  readonly delayMs: number;
  readonly action: FaultAction;
  /** As it was given, for receipts. */
  readonly given: Readonly<Record<string, unknown>>;
}

const ACTION_NAMES = ['error', 'delay', 'hang', 'lie', 'torn', 'misdirect', 'corrupt'] as const;

const givenRule = struct('BlkdebugInjectErrorOptions', {
  id: optional(str),
  event: withDefault(blkdebugEvent, 'none'),
  state: withDefault(unsigned, 0),
  iotype: optional(enumeration('BlkdebugIOType', [...OPERATIONS, 'fua'])),
  errno: optional(errno),
  sector: optional(unsigned),
  once: withDefault(bool, false),
  immediately: optional(bool),
  action: withDefault(enumeration('FaultAction', ACTION_NAMES), 'error'),
  stage: optional(enumeration('FaultStage', ['submit', 'complete'])),
  initiator: withDefault(enumeration('FaultInitiator', ['any', ...INITIATORS]), 'any'),
  range: optional(byteRange),
  'limit-bytes': optional(unsigned),
  'from-ms': withDefault(milliseconds, 0),
  'until-ms': optional(milliseconds),
  skip: withDefault(unsigned, 0),
  count: optional(positive),
  probability: withDefault(probability, 1),
  'delay-ms': optional(milliseconds),
  bytes: optional(positive),
  'to-offset': optional(unsigned),
  xor: optional(numberFrom(1, 255)),
});

type GivenRule = ValueOf<typeof givenRule>;

/** A rule. What makes no sense is refused, saying why. */
export const faultRule: Type<FaultRule> = {
  shape: givenRule.shape,
  read(value, place) {
    const given = givenRule.read(value, place);
    const wrong = contradiction(given);
    if (wrong) throw refuse(`In '${place.path}': ${wrong}`);
    return ruleOf(given, structuredClone(Object(value)));
  },
};

function ruleOf(given: GivenRule, asGiven: FaultRule['given']): FaultRule {
  const { sector, 'until-ms': untilMs = Number.POSITIVE_INFINITY } = given;
  return {
    id: given.id,
    event: given.event,
    state: given.state,
    operations: new Set(operationsOf(given)),
    onlyForced: given.iotype === 'fua',
    range:
      sector === undefined
        ? given.range
        : { offset: sector * SECTOR_LENGTH, length: SECTOR_LENGTH },
    initiator: given.initiator,
    limitBytes: given['limit-bytes'],
    fromMs: given['from-ms'],
    untilMs,
    skip: given.skip,
    countMax: given.once ? 1 : (given.count ?? Number.POSITIVE_INFINITY),
    probability: given.probability,
    stage: given.stage ?? 'submit',
    delayMs: given['delay-ms'] ?? 0,
    action: actionOf(given),
    given: asGiven,
  };
}

function operationsOf(given: GivenRule): readonly FaultOperation[] {
  const { iotype, action, 'limit-bytes': limitBytes } = given;
  const possible: readonly FaultOperation[] = ACTIONS[action].operations;
  if (iotype === 'fua') return ['write', 'write-zeroes'];
  if (iotype !== undefined) return [iotype];
  const usual = limitBytes === undefined ? USUAL : (['write', 'write-zeroes'] as const);
  return usual.filter((operation) => possible.includes(operation));
}

function actionOf(given: GivenRule): FaultAction {
  const { action, bytes, 'to-offset': toOffset, xor = XOR_DEFAULT } = given;
  switch (action) {
    case 'error': {
      const code = given.errno ?? (given['limit-bytes'] === undefined ? 'EIO' : 'ENOSPC');
      return { kind: action, code, immediately: given.immediately ?? false };
    }
    case 'torn':
      assert(bytes !== undefined, 'a torn write was checked to say where');
      return { kind: action, bytes, code: given.errno };
    case 'misdirect':
      assert(toOffset !== undefined, 'a misdirected request was checked to say where to');
      return { kind: action, toOffset };
    case 'corrupt':
      return { kind: action, xor };
    default:
      return { kind: action };
  }
}

/** @returns What makes no sense in a rule each of whose options is right by itself. */
function contradiction(given: GivenRule): string | undefined {
  return whatIsAmiss(given) ?? whereIsAmiss(given) ?? whenIsAmiss(given);
}

function whatIsAmiss(given: GivenRule): string | undefined {
  const { action, bytes, iotype, 'delay-ms': delayMs } = given;
  for (const { options } of Object.values<ActionRules>(ACTIONS)) {
    const idle = options.find((name) => given[name] !== undefined && !takes(action, name));
    if (idle) return `option '${idle}' has no meaning for action '${action}'`;
  }
  if (action === 'delay' && !delayMs) return "action 'delay' needs 'delay-ms'";
  if (action === 'hang' && delayMs !== undefined) return "action 'hang' has no 'delay-ms'";
  if (action === 'torn' && (bytes === undefined || bytes % SECTOR_LENGTH !== 0)) {
    return `action 'torn' needs 'bytes', a multiple of ${SECTOR_LENGTH}`;
  }
  if (action === 'misdirect' && given['to-offset'] === undefined) {
    return "action 'misdirect' needs 'to-offset'";
  }
  if (given.immediately && delayMs) return "'immediately' and 'delay-ms' exclude each other";
  const operation = iotype === 'fua' ? 'write' : iotype;
  const possible: readonly FaultOperation[] = ACTIONS[action].operations;
  if (operation !== undefined && !possible.includes(operation)) {
    return `action '${action}' cannot befall iotype '${iotype}'`;
  }
  return undefined;
}

function takes(action: keyof typeof ACTIONS, option: keyof GivenRule): boolean {
  const { options }: ActionRules = ACTIONS[action];
  return options.includes(option);
}

function whereIsAmiss(given: GivenRule): string | undefined {
  const { sector, range, iotype, 'limit-bytes': limitBytes } = given;
  if (sector !== undefined && range) return "'sector' and 'range' exclude each other";
  if (iotype === 'block-status' && given.initiator !== 'any') {
    return 'nobody says on whose account the status of blocks is asked';
  }
  const isPlaced = sector !== undefined || range !== undefined;
  if (isPlaced && iotype === 'flush') return 'a flush has no place on the disk';
  if (limitBytes !== undefined && (iotype === 'flush' || iotype === 'block-status')) {
    return `'limit-bytes' counts no bytes of iotype '${iotype}'`;
  }
  if (limitBytes !== undefined && given.action === 'corrupt' && iotype === undefined) {
    return "'limit-bytes' counts writes unless 'iotype' says otherwise, and 'corrupt' is for reads";
  }
  return undefined;
}

function whenIsAmiss(given: GivenRule): string | undefined {
  const { once, count, 'from-ms': fromMs, 'until-ms': untilMs } = given;
  if (once && count !== undefined) return "'once' and 'count' exclude each other";
  if (untilMs !== undefined && untilMs <= fromMs) return "'until-ms' must be after 'from-ms'";
  return undefined;
}
