/** The commands about chardevs. */

import { BlockError } from '../../base/errors.ts';
import { EMPTY } from '../../wire/qapi/command.ts';
import { list, optional, struct } from '../../wire/qapi/composites.ts';
import { bool, str } from '../../wire/qapi/scalars.ts';
import { defineCommand } from '../command.ts';
import { inHashOrder } from '../hash-order.ts';
import { CHARDEV_TYPES, chardevBackend } from '../schema/chardev.ts';

const add = defineCommand(
  {
    name: 'chardev-add',
    summary: 'Makes a chardev',
    arguments: struct('q_obj_chardev-add-arg', { id: str, backend: chardevBackend }),
    returns: struct('ChardevReturn', { pty: optional(str) }),
  },
  async ({ id, backend }, { chardevs }) => {
    const refuse = (reason: string) => new BlockError('EINVAL', `add the chardev "${id}"`, reason);
    if (chardevs.all.some((chardev) => chardev.id === id)) {
      throw refuse(`Chardev with id '${id}' already exists`);
    }
    try {
      await chardevs.add({ id, options: backend, origin: 'monitor' });
    } catch (error) {
      if (!(error instanceof BlockError)) throw error;
      throw refuse(`Failed to add chardev '${id}': ${error.reason}`);
    }
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
    if (chardevs.all.some((chardev) => chardev.id === id)) return {};
    throw new BlockError('ENOENT', 'send a break', `Chardev '${id}' not found`);
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
  'chardev-remove': remove,
  'chardev-send-break': sendBreak,
  'query-chardev': query,
  'query-chardev-backends': queryBackends,
};
