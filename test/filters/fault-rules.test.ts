import { describe, expect, it } from 'vitest';
import { faultRule } from '../../src/filters/fault-options.ts';
import { FaultRules, RULES_MAX } from '../../src/filters/fault-rules.ts';
import { openFaults, outcome } from '../support/fault-rig.ts';
import { readAs } from '../support/qapi.ts';

const bytes = () => new Uint8Array(512);
const none = { setState: [], seed: 1 };
const rulesOf = (...given: readonly object[]) =>
  given.map((rule, index) => readAs(faultRule, rule, `inject-error[${index}]`));

describe('rules and events', () => {
  it('puts a rule in force when its event comes, for all requests until another does', async () => {
    // As in QEMU: the event arms the rule, and "iotype" says what it is for.
    const { guest } = await openFaults([
      { event: 'flush_to_disk', iotype: 'read' },
      { event: 'write_aio', iotype: 'flush' },
    ]);
    expect(await outcome(() => guest.read(0, bytes()))).toBe('done');
    await guest.flush();
    expect(await outcome(() => guest.read(0, bytes()))).toBe('EIO');
    expect(await outcome(() => guest.read(0, bytes()))).toBe('EIO');
    await guest.write(0, bytes());
    expect(await outcome(() => guest.read(0, bytes()))).toBe('done');
    expect(await outcome(() => guest.flush())).toBe('done');
  });

  it('has events before the request that they come with', async () => {
    const { guest } = await openFaults([{ event: 'read_aio', iotype: 'read' }]);
    expect(await outcome(() => guest.read(0, bytes()))).toBe('EIO');
  });

  it('leaves rules of the event "none" in force, whatever others come', async () => {
    const { guest } = await openFaults([
      { iotype: 'flush' },
      { event: 'read_aio', iotype: 'read' },
    ]);
    expect(await outcome(() => guest.read(0, bytes()))).toBe('EIO');
    expect(await outcome(() => guest.flush())).toBe('EIO');
  });

  it('goes from state to state, and compares with the state before', async () => {
    // The state machine of QEMU's test of stopping and going on: every other read fails.
    const { guest, control } = await openFaults(
      [{ event: 'read_aio', iotype: 'read', state: 2, errno: 'ENOSPC', once: false }],
      {
        'set-state': [
          { event: 'read_aio', state: 1, new_state: 2 },
          { event: 'read_aio', state: 2, new_state: 3 },
        ],
      },
    );
    expect(control.state).toBe(1);
    expect(await outcome(() => guest.read(0, bytes()))).toBe('done');
    expect(control.state).toBe(2);
    expect(await outcome(() => guest.read(0, bytes()))).toBe('ENOSPC');
    expect(control.state).toBe(3);
  });

  it('follows the first of several changes of state, and any state where none is given', () => {
    const rules = new FaultRules({
      ...none,
      rules: [],
      setState: [
        { event: 'none', state: 1, new_state: 5 },
        { event: 'read_aio', state: 0, new_state: 6 },
        { event: 'read_aio', state: 0, new_state: 7 },
      ],
    });
    expect(rules.state).toBe(5);
    rules.occur('read_aio');
    expect(rules.state).toBe(6);
    expect(rules.isEmpty).toBe(false);
  });

  it('compares rules of the event "none" with the state of the moment', async () => {
    const { guest } = await openFaults([{ state: 2, iotype: 'flush' }], {
      'set-state': [{ event: 'write_aio', new_state: 2 }],
    });
    expect(await outcome(() => guest.flush())).toBe('done');
    await guest.write(0, bytes());
    expect(await outcome(() => guest.flush())).toBe('EIO');
  });

  it('does not let a rule that is spent put others out of force', async () => {
    const { guest } = await openFaults([
      { event: 'read_aio', iotype: 'read', once: true },
      { event: 'write_aio', iotype: 'flush' },
    ]);
    expect(await outcome(() => guest.read(0, bytes()))).toBe('EIO');
    await guest.write(0, bytes());
    await guest.read(0, bytes());
    expect(await outcome(() => guest.flush())).toBe('EIO');
  });
});

describe('rules by id', () => {
  it('get a number where they have no name, and one that is free', () => {
    const rules = new FaultRules({ ...none, rules: rulesOf({}, { id: 'rule2' }, {}) });
    expect(rules.all.map(({ id }) => id)).toEqual(['rule1', 'rule2', 'rule3']);
    const again = rulesOf({ id: 'rule1' });
    expect(() => again.map((rule) => rules.arm(rule, 0))).toThrow(/Duplicate ID 'rule1'/);
    expect(() => rules.find('nobody')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  });

  it('are so many at most, of which those that are spent make room', () => {
    const rules = new FaultRules({ ...none, rules: [] });
    const [rule] = rulesOf({ event: 'read_aio' });
    if (!rule) throw new Error('there is a rule');
    for (let count = 0; count < RULES_MAX; count += 1) rules.arm(rule, 0);
    expect(() => rules.arm(rule, 0)).toThrow(expect.objectContaining({ code: 'EBUSY' }));
    rules.find('rule7').disarm();
    rules.arm(rule, 0);
    expect(rules.all.length).toBe(RULES_MAX);
    expect(() => rules.find('rule7')).toThrow(/there is none/);
  });
});
