/** The commands about chardevs. */

import { BlockError, type BlockErrorCode } from '../../base/errors.ts';
import { EMPTY } from '../../wire/qapi/command.ts';
import { list, optional, struct } from '../../wire/qapi/composites.ts';
import { bool, str } from '../../wire/qapi/scalars.ts';
import type { Chardevs } from '../chardev/chardevs.ts';
import { defineCommand } from '../command.ts';
import { inHashOrder } from '../hash-order.ts';
import { CHARDEV_TYPES, type ChardevOptions, chardevBackend } from '../schema/chardev.ts';

const chardevReturn = struct('ChardevReturn', { pty: optional(str) });

const add = defineCommand(
  {
    name: 'chardev-add',
    summary: 'Makes a chardev',
    arguments: struct('q_obj_chardev-add-arg', { id: str, backend: chardevBackend }),
    returns: chardevReturn,
  },
  async ({ id, backend }, { chardevs }) => {
    if (chardevs.get(id)) throw refuse('EEXIST', `Chardev with id '${id}' already exists`);
    await make(chardevs, id, backend);
    return { pty: undefined };
  },
);

const change = defineCommand(
  {
    name: 'chardev-change',
    summary: 'Makes another chardev of one that nothing uses',
    arguments: struct('q_obj_chardev-change-arg', { id: str, backend: chardevBackend }),
    returns: chardevReturn,
  },
  async ({ id, backend }, { chardevs }) => {
    const found = chardevs.get(id);
    if (!found) throw refuse('ENOENT', `Chardev '${id}' does not exist`);
    if (found.isInUse) throw refuse('EBUSY', 'Chardev user does not support chardev hotswap');
    // As in QEMU the old one is gone even if there will be no new one.
    await chardevs.remove(id);
    await make(chardevs, id, backend);
    return { pty: undefined };
  },
);

const remove = defineCommand(
  {
    name: 'chardev-remove',
    summary: 'Takes away a chardev that nothing uses',
    arguments: struct('q_obj_chardev-remove-arg', { id: str }),
    returns: EMPTY,
  },
  async ({ id }, { chardevs }) => {
    await chardevs.remove(id);
    return {};
  },
);

const query = defineCommand(
  {
    name: 'query-chardev',
    summary: 'Tells of all chardevs',
    arguments: EMPTY,
    returns: list(struct('ChardevInfo', { label: str, filename: str, 'frontend-open': bool })),
  },
  (_given, { chardevs }) =>
    inHashOrder(chardevs.all.map(({ id }) => id)).map((id) => {
      const { filename, isInUse } = chardevs.find(id);
      return { label: id, filename, 'frontend-open': isInUse };
    }),
);

const sendBreak = defineCommand(
  {
    name: 'chardev-send-break',
    summary: 'Sends a break, which no kind of chardev has that there is',
    arguments: struct('q_obj_chardev-send-break-arg', { id: str }),
    returns: EMPTY,
  },
  ({ id }, { chardevs }) => {
    if (chardevs.get(id)) return {};
    throw refuse('ENOENT', `Chardev '${id}' not found`);
  },
);

const queryBackends = defineCommand(
  {
    name: 'query-chardev-backends',
    summary: 'Lists the kinds of chardevs',
    arguments: EMPTY,
    returns: list(struct('ChardevBackendInfo', { name: str })),
  },
  () => CHARDEV_TYPES.map((name) => ({ name })),
);

export const chardevCommands = {
  'chardev-add': add,
  'chardev-change': change,
  'chardev-remove': remove,
  'chardev-send-break': sendBreak,
  'query-chardev': query,
  'query-chardev-backends': queryBackends,
};

async function make(chardevs: Chardevs, id: string, options: ChardevOptions): Promise<void> {
  try {
    await chardevs.add({ id, options, origin: 'monitor' });
  } catch (error) {
    if (!(error instanceof BlockError)) throw error;
    throw refuse(error.code, `Failed to add chardev '${id}': ${error.reason}`);
  }
}

function refuse(code: BlockErrorCode, reason: string): BlockError {
  return new BlockError(code, 'use a chardev', reason);
}
