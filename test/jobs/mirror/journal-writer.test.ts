import { expect, it } from 'vitest';
import { withJournal } from '../../support/journal-rig.ts';

it('a write that the round under way records costs no other round', () =>
  withJournal(async (rig) => {
    const { journal, calls } = rig;
    const write = (offset: number) => journal.writing({ offset, length: 1 }, () => {});
    const late: unknown[] = [];
    rig.hook = ({ operation }) => {
      calls.push(operation);
      if (operation === 'sync') late.push(write(1));
    };
    await write(0);
    expect(late[0]).toBeInstanceOf(Promise);
    await late[0];
    expect(calls).toEqual(['write', 'sync']);
    await journal.close();
  }));
