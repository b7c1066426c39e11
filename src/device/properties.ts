/**
 * The properties of virtio-blk, as `-device` and device_add name them.
 *
 * Those of its place on a bus, and of how a guest talks to it there, are known but change nothing:
 * no guest here comes by way of a bus.
 */

import { BlockError } from '../base/errors.ts';
import { isPowerOfTwo } from '../base/ranges.ts';
import { enumeration, type MemberValues, optional, withDefault } from '../wire/qapi/composites.ts';
import { bool, int32, size, str, uint16, uint32 } from '../wire/qapi/scalars.ts';
import type { Feature, Shape } from './configuration.ts';
import { ID_LENGTH } from './request.ts';

const onOffAuto = withDefault(enumeration('OnOffAuto', ['auto', 'on', 'off']), 'auto');
const onError = optional(
  enumeration('BlockdevOnError', ['report', 'ignore', 'enospc', 'stop', 'auto']),
);

const ACCOUNT_PROPERTIES = {
  'account-invalid': onOffAuto,
  'account-failed': onOffAuto,
};

/** What a device on PCI has besides. */
const PLACE_PROPERTIES = {
  bus: optional(str),
  addr: optional(str),
  'acpi-index': optional(uint32),
  multifunction: optional(bool),
  failover_pair_id: optional(str),
  romfile: optional(str),
  rombar: optional(uint32),
  vectors: optional(uint32),
  ioeventfd: optional(bool),
  'disable-legacy': onOffAuto,
  'disable-modern': optional(bool),
  'page-per-vq': optional(bool),
  ats: optional(bool),
  aer: optional(bool),
};

/** By QEMU's names, each as it is checked. */
export const VIRTIO_BLK_PROPERTIES = {
  drive: optional(str),
  serial: withDefault(str, ''),
  bootindex: optional(int32),
  logical_block_size: withDefault(size, 0),
  physical_block_size: withDefault(size, 0),
  min_io_size: withDefault(size, 0),
  opt_io_size: withDefault(size, 0),
  discard_granularity: optional(size),
  'write-cache': onOffAuto,
  'share-rw': withDefault(bool, false),
  ...ACCOUNT_PROPERTIES,
  rerror: onError,
  werror: onError,
  'num-queues': withDefault(uint16, 1),
  'queue-size': withDefault(uint16, 256),
  'config-wce': withDefault(bool, true),
  discard: withDefault(bool, true),
  'write-zeroes': withDefault(bool, true),
  iothread: optional(str),
  'request-merging': optional(bool),
  'seg-max-adjust': optional(bool),
  'report-discard-granularity': optional(bool),
  indirect_desc: optional(bool),
  event_idx: optional(bool),
  iommu_platform: optional(bool),
  packed: optional(bool),
  ...PLACE_PROPERTIES,
};

/** The same of a CD drive. */
export const CD_PROPERTIES = {
  drive: optional(str),
  bus: optional(str),
  unit: optional(uint32),
  serial: optional(str),
  bootindex: optional(int32),
  'write-cache': onOffAuto,
  'share-rw': withDefault(bool, false),
  ...ACCOUNT_PROPERTIES,
  rerror: onError,
  werror: onError,
};

export type CdProperties = MemberValues<typeof CD_PROPERTIES>;

/** Checked properties. */
export type VirtioBlkProperties = MemberValues<typeof VIRTIO_BLK_PROPERTIES>;

const BLOCK_SIZE_MIN = 512;
const BLOCK_SIZE_MAX = 2 * 1024 * 1024;
const QUEUE_SIZE_MAX = 1024;
const QUEUE_SIZE_MIN = 3;
const QUEUES_MAX = 1024;

/**
 * Turns properties into what the device is made with.
 *
 * @throws {BlockError} `EINVAL` for values that cannot be or do not go together, in QEMU's words.
 */
export function deviceOptionsOf(properties: VirtioBlkProperties) {
  const { serial, rerror, werror, bootindex } = properties;
  const queueSize = properties['queue-size'];
  demandQueues(properties['num-queues'], queueSize);
  const writeCache = properties['write-cache'];
  return {
    shape: shapeOf(properties),
    accountRules: accountRulesOf(properties),
    queueSize,
    // As in QEMU, a longer one is cut off.
    serial: serial.slice(0, ID_LENGTH),
    shareRw: properties['share-rw'],
    ...(writeCache !== 'auto' && { writeCache: writeCache === 'on' }),
    ...(rerror && { rerror }),
    ...(werror && { werror }),
    bootIndex: bootindex,
  };
}

/** What is made of requests that are not done, as far as a device says so. */
export function accountRulesOf(given: MemberValues<typeof ACCOUNT_PROPERTIES>) {
  const rules: { invalid?: boolean; failed?: boolean } = {};
  if (given['account-invalid'] !== 'auto') rules.invalid = given['account-invalid'] === 'on';
  if (given['account-failed'] !== 'auto') rules.failed = given['account-failed'] === 'on';
  return rules;
}

function demandQueues(queues: number, queueSize: number): void {
  if (queues === 0) throw refuse('num-queues property must be larger than 0');
  if (queues > QUEUES_MAX) {
    throw refuse(`Invalid number of virtqueues (${queues}), must be at most ${QUEUES_MAX}`);
  }
  const queueSizeIs = `invalid queue-size property (${queueSize}), must be`;
  if (!isPowerOfTwo(queueSize) || queueSize > QUEUE_SIZE_MAX) {
    throw refuse(`${queueSizeIs} a power of 2 (max ${QUEUE_SIZE_MAX})`);
  }
  if (queueSize < QUEUE_SIZE_MIN) throw refuse(`${queueSizeIs} > 2`);
}

function shapeOf(properties: VirtioBlkProperties): Shape {
  const logicalBlockSize = blockSize(properties, 'logical_block_size') || BLOCK_SIZE_MIN;
  const physicalBlockSize = blockSize(properties, 'physical_block_size');
  const { min_io_size: minIoSize, opt_io_size: optIoSize } = properties;
  const { discard_granularity: granularity = 0, discard } = properties;
  if (logicalBlockSize > (physicalBlockSize || BLOCK_SIZE_MIN)) {
    throw refuse('logical_block_size > physical_block_size not supported');
  }
  const multiples = { min_io_size: minIoSize, opt_io_size: optIoSize };
  for (const [name, value] of Object.entries({ ...multiples, discard_granularity: granularity })) {
    if (value % logicalBlockSize === 0 || value === UNSET) continue;
    throw refuse(`${name} must be a multiple of logical_block_size`);
  }
  const without: Feature[] = [];
  if (!discard) without.push('DISCARD');
  if (!properties['write-zeroes']) without.push('WRITE_ZEROES');
  if (!properties['config-wce']) without.push('CONFIG_WCE');
  return {
    logicalBlockSize,
    physicalBlockSize: physicalBlockSize || undefined,
    minIoSize: minIoSize || undefined,
    optIoSize,
    numQueues: properties['num-queues'],
    without,
  };
}

/** What QEMU's discard_granularity is where nobody gave one. */
const UNSET = 2 ** 32 - 1;

function blockSize(
  properties: VirtioBlkProperties,
  name: 'logical_block_size' | 'physical_block_size',
): number {
  const value = properties[name];
  if (value === 0) return 0;
  if (value < BLOCK_SIZE_MIN || value > BLOCK_SIZE_MAX) {
    const bounds = `(minimum: ${BLOCK_SIZE_MIN}, maximum: ${BLOCK_SIZE_MAX})`;
    throw refuse(`Property .${name} doesn't take value ${value} ${bounds}`);
  }
  if (!isPowerOfTwo(value)) {
    throw refuse(`Property .${name} doesn't take value '${value}', it's not a power of 2`);
  }
  return value;
}

function refuse(reason: string): BlockError {
  return new BlockError('EINVAL', 'make the device', reason);
}
