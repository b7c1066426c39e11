import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { faultRule } from '../../src/filters/fault-options.ts';
import { readAs } from '../support/qapi.ts';

function refusal(rule: unknown): string {
  try {
    readAs(faultRule, rule, 'rule');
  } catch (error) {
    expect(error).toBeInstanceOf(BlockError);
    expect(error).toMatchObject({ code: 'EINVAL' });
    return (error as BlockError).reason;
  }
  return 'accepted';
}

describe('a rule of faults', () => {
  it('is, where it says nothing, an EIO for everything but the status of blocks', () => {
    const rule = readAs(faultRule, {}, 'rule');
    expect(rule).toMatchObject({
      event: 'none',
      state: 0,
      initiator: 'any',
      stage: 'submit',
      probability: 1,
      action: { kind: 'error', code: 'EIO', immediately: false },
    });
    expect([...rule.operations]).toEqual(['read', 'write', 'write-zeroes', 'discard', 'flush']);
    expect(rule.range).toBeUndefined();
  });

  it('has the options of QEMU, by its names and numbers', () => {
    const given = {
      event: 'pwritev_done',
      state: 2,
      iotype: 'write-zeroes',
      errno: 28,
      sector: 3,
      once: true,
      immediately: true,
    };
    const rule = readAs(faultRule, given, 'rule');
    expect(rule).toMatchObject({
      event: 'pwritev_done',
      state: 2,
      range: { offset: 1536, length: 512 },
      countMax: 1,
      action: { kind: 'error', code: 'ENOSPC', immediately: true },
      given,
    });
    expect([...rule.operations]).toEqual(['write-zeroes']);
  });

  it('is kept as it was given, whatever becomes of that', () => {
    const given = { range: { offset: 0, length: 512 } };
    const rule = readAs(faultRule, given, 'rule');
    given.range.length = 1024;
    expect(rule.given).toEqual({ range: { offset: 0, length: 512 } });
  });

  it.each([
    ['lie', {}, ['write', 'write-zeroes', 'discard', 'flush']],
    ['torn', { bytes: 512 }, ['write', 'write-zeroes']],
    ['misdirect', { 'to-offset': 0 }, ['read', 'write']],
    ['corrupt', {}, ['read']],
    ['hang', {}, ['read', 'write', 'write-zeroes', 'discard', 'flush']],
    ['hang', { 'limit-bytes': 0 }, ['write', 'write-zeroes']],
    ['hang', { 'limit-bytes': 0, iotype: 'read' }, ['read']],
    ['delay', { 'delay-ms': 1, iotype: 'fua' }, ['write', 'write-zeroes']],
  ])('of the action %s %o is for %o', (action, options, operations) => {
    expect([...readAs(faultRule, { action, ...options }, 'rule').operations]).toEqual(operations);
  });

  it.each([
    [{ event: 'bogus' }, "Parameter 'event' does not accept value 'bogus'"],
    [{ evnt: 'none' }, "Parameter 'rule.evnt' is unexpected"],
    [{ errno: 0 }, "Parameter 'rule.errno' does not accept value '0'"],
    [{ errno: 'EWHAT' }, "Invalid parameter type for 'rule.errno', expected: integer"],
    [{ probability: 0 }, "Parameter 'rule.probability' expects a value above 0"],
    [{ probability: 1.5 }, "Parameter 'rule.probability' expects a value from 0 to 1"],
    [
      { probability: Number.NaN },
      "Invalid parameter type for 'rule.probability', expected: number",
    ],
    [{ count: 0 }, "Parameter 'rule.count' expects a value above 0"],
    [{ range: { offset: 0 } }, "Parameter 'rule.range.length' is missing"],
    [{ 'delay-ms': -1 }, "Parameter 'rule.delay-ms' expects a value from 0 to 2147483647"],
    [{ xor: 256, action: 'corrupt' }, "Parameter 'rule.xor' expects a value from 1 to 255"],
    [5, "Invalid parameter type for 'rule', expected: object"],
    [{ action: 'hang', errno: 5 }, "In 'rule': option 'errno' has no meaning for action 'hang'"],
    [{ bytes: 512 }, "In 'rule': option 'bytes' has no meaning for action 'error'"],
    [
      { action: 'lie', stage: 'complete' },
      "In 'rule': option 'stage' has no meaning for action 'lie'",
    ],
    [
      { action: 'delay', 'delay-ms': 1, immediately: false },
      "In 'rule': option 'immediately' has no meaning for action 'delay'",
    ],
    [{ 'to-offset': 0 }, "In 'rule': option 'to-offset' has no meaning for action 'error'"],
    [{ xor: 1 }, "In 'rule': option 'xor' has no meaning for action 'error'"],
    [{ action: 'delay' }, "In 'rule': action 'delay' needs 'delay-ms'"],
    [{ action: 'hang', 'delay-ms': 1 }, "In 'rule': action 'hang' has no 'delay-ms'"],
    [{ action: 'torn' }, "In 'rule': action 'torn' needs 'bytes', a multiple of 512"],
    [{ action: 'torn', bytes: 100 }, "In 'rule': action 'torn' needs 'bytes', a multiple of 512"],
    [{ action: 'misdirect' }, "In 'rule': action 'misdirect' needs 'to-offset'"],
    [
      { immediately: true, 'delay-ms': 1 },
      "In 'rule': 'immediately' and 'delay-ms' exclude each other",
    ],
    [
      { action: 'corrupt', iotype: 'flush' },
      "In 'rule': action 'corrupt' cannot befall iotype 'flush'",
    ],
    [
      { action: 'lie', iotype: 'block-status' },
      "In 'rule': action 'lie' cannot befall iotype 'block-status'",
    ],
    [
      { action: 'corrupt', iotype: 'fua' },
      "In 'rule': action 'corrupt' cannot befall iotype 'fua'",
    ],
    [
      { sector: 0, range: { offset: 0, length: 1 } },
      "In 'rule': 'sector' and 'range' exclude each other",
    ],
    [{ sector: 0, iotype: 'flush' }, "In 'rule': a flush has no place on the disk"],
    [
      { 'limit-bytes': 0, iotype: 'flush' },
      "In 'rule': 'limit-bytes' counts no bytes of iotype 'flush'",
    ],
    [
      { 'limit-bytes': 0, action: 'corrupt' },
      "In 'rule': 'limit-bytes' counts writes unless 'iotype' says otherwise, " +
        "and 'corrupt' is for reads",
    ],
    [
      { iotype: 'block-status', initiator: 'job' },
      "In 'rule': nobody says on whose account the status of blocks is asked",
    ],
    [{ once: true, count: 2 }, "In 'rule': 'once' and 'count' exclude each other"],
    [{ 'from-ms': 5, 'until-ms': 5 }, "In 'rule': 'until-ms' must be after 'from-ms'"],
  ])('%o is refused', (rule, reason) => {
    expect(refusal(rule)).toBe(reason);
  });
});
