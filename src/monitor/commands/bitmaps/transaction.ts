/** The command `transaction`: several actions that are all done, or none of them. */

import { BlockError } from '../../../base/errors.ts';
import { EMPTY } from '../../../wire/qapi/command.ts';
import {
  enumeration,
  list,
  optional,
  struct,
  union,
  withDefault,
} from '../../../wire/qapi/composites.ts';
import type { ObjectType, ValueOf } from '../../../wire/qapi/type.ts';
import { defineCommand, type MonitorContext } from '../../command.ts';
import { BITMAP_ACTIONS, type Done } from './actions.ts';

const wrappers = Object.entries(BITMAP_ACTIONS).map(([name, { data }]) => [name, wrapped(data)]);

const branches: Readonly<Record<string, ReturnType<typeof wrapped>>> = {
  abort: struct('AbortWrapper', { data: EMPTY }),
  ...Object.fromEntries(wrappers),
};

const actionType = union('TransactionAction', {
  members: { type: enumeration('TransactionActionKind', Object.keys(branches)) },
  tag: 'type',
  branches,
});

type Action = ValueOf<typeof actionType>;

const completionMode = enumeration('ActionCompletionMode', ['individual', 'grouped']);
const properties = struct('TransactionProperties', {
  'completion-mode': withDefault(completionMode, 'individual'),
});

export const transaction = defineCommand(
  {
    name: 'transaction',
    summary: 'Carries out several actions, all of them or none',
    arguments: struct('q_obj_transaction-arg', {
      actions: list(actionType),
      properties: optional(properties),
    }),
  },
  ({ actions, properties: given }, context) => {
    const done: Done[] = [];
    try {
      for (const action of actions) {
        demandMode(action, given?.['completion-mode']);
        done.push(perform(action, context));
      }
    } catch (error) {
      for (const each of done.reverse()) each.abort?.();
      throw error;
    }
    for (const each of done) each.commit?.();
  },
);

function wrapped(data: ObjectType<unknown>) {
  return struct(`${data.shape.name}Wrapper`, { data });
}

/** No action here starts a job, and so there is none to wait for others. */
function demandMode({ type }: Action, mode: 'individual' | 'grouped' = 'individual'): void {
  if (mode === 'individual' || type === 'abort') return;
  const rule = 'does not support Transaction property completion-mode = grouped';
  throw new BlockError('ENOTSUP', 'carry out a transaction', `Action '${type}' ${rule}`);
}

function perform({ type, data }: Action, context: MonitorContext): Done {
  const action = BITMAP_ACTIONS[type];
  if (action) return action.perform(data, context);
  const reason = 'Transaction aborted using Abort action';
  throw new BlockError('ECANCELED', 'carry out a transaction', reason);
}
