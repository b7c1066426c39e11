/** The commands that plug in devices and unplug them. */

import { BlockError } from '../../base/errors.ts';
import { addDevice, demandUnpluggable } from '../../machine/device-models.ts';
import { optional, struct } from '../../wire/qapi/composites.ts';
import { str } from '../../wire/qapi/scalars.ts';
import type { JsonObject, JsonValue } from '../../wire/qmp/json-value.ts';
import {
  type CommandRegistry,
  defineCommand,
  type MonitorCommand,
  MonitorError,
} from '../command.ts';

/** Its arguments are the properties of the model, which only the model can check. */
const deviceAdd: MonitorCommand = {
  name: 'device_add',
  summary: 'Plugs in a device',
  arguments: struct('q_obj_device_add-arg', {
    driver: str,
    bus: optional(str),
    id: optional(str),
  }),
  features: ['json-cli', 'json-cli-hotplug'],
  async execute(given, { machine }) {
    addDevice(machine, { given: textsOf(given), notation: 'keyval', isHotplug: true });
    return undefined;
  },
};

/** As QEMU has it, values of all types are texts here; others do not count. */
function textsOf(given: JsonObject): JsonObject {
  const texts = Object.entries(given).map(([name, value]) => [name, textOf(value)] as const);
  return Object.fromEntries(texts.filter(([, text]) => text !== undefined)) as JsonObject;
}

function textOf(value: JsonValue): string | undefined {
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return value === null || typeof value === 'object' ? undefined : `${value}`;
}

const deviceDel = defineCommand(
  {
    name: 'device_del',
    summary: 'Unplugs a device; DEVICE_DELETED tells when it has gone',
    arguments: struct('q_obj_device_del-arg', { id: str }),
  },
  ({ id }, { machine }) => {
    const device = machine.devices.find(id);
    if (!device) throw new MonitorError('DeviceNotFound', `Device '${id}' not found`);
    if (device.isLeaving) {
      const reason = `Device ${id} is already in the process of unplug`;
      throw new BlockError('EBUSY', 'unplug the device', reason);
    }
    demandUnpluggable(device);
    machine.devices.requestUnplug(device);
  },
);

export const deviceCommands = {
  device_add: deviceAdd,
  device_del: deviceDel,
} satisfies CommandRegistry;
