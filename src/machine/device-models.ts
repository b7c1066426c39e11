/**
 * The devices that can be made by the name of their model and by properties, as `-device` and
 * device_add do it: disks of virtio, and CD drives, whose media can be exchanged.
 *
 * Values are checked in QEMU's order, so that of several mistakes the same one is told of.
 */

import { BlockError, type BlockErrorCode } from '../base/errors.ts';
import { demandIdentifier } from '../base/identifier.ts';
import {
  accountRulesOf,
  CD_PROPERTIES,
  type CdProperties,
  deviceOptionsOf,
  VIRTIO_BLK_PROPERTIES,
  type VirtioBlkProperties,
} from '../device/properties.ts';
import { struct } from '../wire/qapi/composites.ts';
import { type Members, type Notation, wholeOf } from '../wire/qapi/type.ts';
import type { JsonObject, JsonValue } from '../wire/qmp/json-value.ts';
import { inMemberOrder } from '../wire/qmp/member-order.ts';
import type { Drive } from './drive.ts';
import type { Machine } from './machine.ts';
import type { PluggedDevice } from './plugged-device.ts';

/** A kind of device. */
interface Model {
  /** Its name, of several that there may be. */
  readonly name: string;
  /** The object that uses the drive, as messages call it. */
  readonly backend: string;
  readonly properties: Members;
  /** The buses that it may say it is on. */
  readonly bus: RegExp;
  /** It comes and goes only with the machine. */
  readonly isFixed: boolean;
  /** Plugs it in, its properties having been checked. */
  plug(machine: Machine, properties: unknown, place: ModelPlace): PluggedDevice;
}

/** Where a device will be. */
interface ModelPlace {
  readonly id: string | undefined;
  readonly root: string;
}

const virtioProperties = struct('VirtioBlkProperties', VIRTIO_BLK_PROPERTIES);
const cdProperties = struct('CdProperties', CD_PROPERTIES);

const PCI = virtioModel('virtio-blk-pci', { hasBackend: true });

const CD: Model = {
  name: 'ide-cd',
  backend: 'ide-cd',
  properties: CD_PROPERTIES,
  bus: /^ide\.\d$/,
  isFixed: true,
  plug(machine, properties, place) {
    // Checked by the same members.
    const { drive: name, bootindex: bootIndex, bus, ...rest } = properties as CdProperties;
    const { devices, drives } = machine;
    const drive = name === undefined ? drives.add({ name: '' }) : driveFor(machine, name);
    const count = devices.all.filter(({ place: { fixedOn } }) => fixedOn !== undefined).length;
    const fixedOn = bus ?? `ide.${count}`;
    const shareRw = rest['share-rw'];
    const accountRules = accountRulesOf(rest);
    const options = { id: place.id, bootIndex, fixedOn, shareRw, accountRules };
    return discardingUnused(machine, drive, () => devices.plugCd(drive, options, place.root));
  },
};

const MODELS: ReadonlyMap<string, Model> = new Map([
  ['virtio-blk', PCI],
  ['virtio-blk-pci', PCI],
  ...['virtio-blk-pci-transitional', 'virtio-blk-pci-non-transitional'].map(
    (name) => [name, virtioModel(name, { hasBackend: true })] as const,
  ),
  ['virtio-blk-device', virtioModel('virtio-blk-device', { hasBackend: false })],
  ['ide-cd', CD],
]);

/** The names that devices can be asked for by. */
export const DEVICE_MODELS: readonly string[] = [...MODELS.keys()];

function virtioModel(name: string, { hasBackend }: { readonly hasBackend: boolean }): Model {
  return {
    name,
    backend: 'virtio-blk-device',
    properties: VIRTIO_BLK_PROPERTIES,
    bus: /^pcie?\.\d+$/,
    isFixed: false,
    plug(machine, properties, { id, root }) {
      // Checked by the same members.
      const checked = properties as VirtioBlkProperties;
      if (checked.drive === undefined) throw refuse('drive property not set');
      const drive = driveFor(machine, checked.drive);
      const options = { id, hasBackend, ...deviceOptionsOf(checked) };
      return discardingUnused(machine, drive, () => machine.devices.plug(drive, options, root));
    },
  };
}

/** How a device is asked for. */
export interface DeviceRequest {
  /** `driver`, perhaps `id`, and the properties of the model. */
  readonly given: JsonObject;
  /** Whether values are texts, as on a command line. */
  readonly notation: Notation;
  /** The machine is there already. */
  readonly isHotplug: boolean;
}

/**
 * Makes a device and plugs it in.
 *
 * @throws {BlockError} `EINVAL` for properties that cannot be; else as `Devices.plug`.
 */
export function addDevice(
  machine: Machine,
  { given, notation, isHotplug }: DeviceRequest,
): PluggedDevice {
  const { driver, id: givenId, ...rest } = given;
  const model = modelOf(driver);
  const id = givenId === undefined ? undefined : `${givenId}`;
  if (id !== undefined) demandIdentifier(id, 'make the device');
  const { bus } = rest;
  if (bus !== undefined && !model.bus.test(`${bus}`)) throw refuse(`Bus '${bus}' not found`);
  if (isHotplug && model.isFixed) throw fixed(`${bus ?? 'ide.0'}`);
  const root = machine.devices.rootFor(id);
  demandKnown(machine, model, rest);
  const type = model === CD ? cdProperties : virtioProperties;
  return model.plug(machine, type.read(rest, wholeOf(notation)), { id, root });
}

/** @throws {BlockError} `ENOTSUP` for a device that only goes with the machine. */
export function demandUnpluggable({ place: { fixedOn } }: PluggedDevice): void {
  if (fixedOn !== undefined) throw fixed(fixedOn);
}

function fixed(bus: string): BlockError {
  return refuse(`Bus '${bus}' does not support hotplugging`, 'ENOTSUP');
}

function modelOf(driver: JsonValue | undefined): Model {
  if (driver === undefined) throw refuse("Parameter 'driver' is missing");
  const model = MODELS.get(`${driver}`);
  if (!model) throw refuse(`'${driver}' is not a valid device model name`);
  return model;
}

/** The mistakes that QEMU finds while it goes through the properties. */
function demandKnown(machine: Machine, { name, backend, properties }: Model, given: JsonObject) {
  for (const [property, value] of inMemberOrder(Object.entries(given))) {
    if (!Object.hasOwn(properties, property)) {
      throw refuse(`Property '${name}.${property}' not found`);
    }
    if (property === 'drive') demandDrive(machine, `${value}`, backend);
    if (property !== 'iothread') continue;
    const isThread = machine.objects.all.get(`${value}`)?.type === 'iothread';
    if (!isThread) throw refuse(`Device '${value}' not found`, 'ENODEV');
  }
}

function demandDrive({ drives, graph }: Machine, name: string, backend: string): void {
  const drive = drives.find(name);
  if (drive?.device) {
    throw refuse(`Drive '${name}' is already in use by another device`, 'EBUSY');
  }
  if (drive || graph.nodes.some((node) => node.name === name)) return;
  throw refuse(`Property '${backend}.drive' can't find value '${name}'`, 'ENODEV');
}

/** The drive of that name, or one that is made for a node. */
function driveFor({ drives, graph }: Machine, name: string): Drive {
  const found = drives.find(name);
  if (found) return found;
  const drive = drives.add({ name: '', isForDevice: true });
  drive.insert(graph.entryOf(graph.find(name)));
  return drive;
}

/** A drive that was made for a device goes when that cannot be plugged in. */
function discardingUnused(machine: Machine, drive: Drive, plug: () => PluggedDevice) {
  try {
    return plug();
  } catch (error) {
    if (drive.name === '') machine.drives.discard(drive);
    throw error;
  }
}

function refuse(reason: string, code: BlockErrorCode = 'EINVAL'): BlockError {
  return new BlockError(code, 'make the device', reason);
}
