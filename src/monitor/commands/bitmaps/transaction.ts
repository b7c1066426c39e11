/** The command `transaction`: several actions that are all done, or none of them. */

import { unreachable } from '../../../base/assert.ts';
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
import { dirtyBitmap, dirtyBitmapAdd, dirtyBitmapMerge } from '../../schema/bitmap.ts';
import {
  addBitmap,
  clearBitmap,
  type Done,
  disableBitmap,
  enableBitmap,
  mergeBitmaps,
  removeBitmap,
} from './actions.ts';

const bitmapAction = dataOf('BlockDirtyBitmapWrapper', dirtyBitmap);

const branches = {
  abort: dataOf('AbortWrapper', EMPTY),
  'block-dirty-bitmap-add': dataOf('BlockDirtyBitmapAddWrapper', dirtyBitmapAdd),
  'block-dirty-bitmap-remove': bitmapAction,
  'block-dirty-bitmap-clear': bitmapAction,
  'block-dirty-bitmap-enable': bitmapAction,
  'block-dirty-bitmap-disable': bitmapAction,
  'block-dirty-bitmap-merge': dataOf('BlockDirtyBitmapMergeWrapper', dirtyBitmapMerge),
} as const;

const kind = enumeration('TransactionActionKind', [
  'abort',
  'block-dirty-bitmap-add',
  'block-dirty-bitmap-remove',
  'block-dirty-bitmap-clear',
  'block-dirty-bitmap-enable',
  'block-dirty-bitmap-disable',
  'block-dirty-bitmap-merge',
]);

const actionType = union('TransactionAction', { members: { type: kind }, tag: 'type', branches });

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

function dataOf<Value>(name: string, data: ObjectType<Value>) {
  return struct(name, { data });
}

/** No action here starts a job, and so there is none to wait for others. */
function demandMode({ type }: Action, mode: 'individual' | 'grouped' = 'individual'): void {
  if (mode === 'individual' || type === 'abort') return;
  const rule = 'does not support Transaction property completion-mode = grouped';
  throw new BlockError('ENOTSUP', 'carry out a transaction', `Action '${type}' ${rule}`);
}

function perform(action: Action, context: MonitorContext): Done {
  switch (action.type) {
    case 'abort': {
      const reason = 'Transaction aborted using Abort action';
      throw new BlockError('ECANCELED', 'carry out a transaction', reason);
    }
    case 'block-dirty-bitmap-add':
      return addBitmap(action.data, context);
    case 'block-dirty-bitmap-remove':
      return removeBitmap(action.data, context);
    case 'block-dirty-bitmap-clear':
      return clearBitmap(action.data, context);
    case 'block-dirty-bitmap-enable':
      return enableBitmap(action.data, context);
    case 'block-dirty-bitmap-disable':
      return disableBitmap(action.data, context);
    case 'block-dirty-bitmap-merge':
      return mergeBitmaps(action.data, context);
    default:
      return unreachable(action);
  }
}
