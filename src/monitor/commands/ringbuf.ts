/** `ringbuf-write` and `ringbuf-read`. */

import { decodeBase64 } from '../../base/base64.ts';
import { BlockError } from '../../base/errors.ts';
import { EMPTY } from '../../wire/qapi/command.ts';
import { enumeration, struct, withDefault } from '../../wire/qapi/composites.ts';
import { int, str } from '../../wire/qapi/scalars.ts';
import { RingBuffer } from '../chardev/ring-buffer.ts';
import { defineCommand, type MonitorContext } from '../command.ts';

const format = withDefault(enumeration('DataFormat', ['utf8', 'base64']), 'utf8');

const write = defineCommand(
  {
    name: 'ringbuf-write',
    summary: 'Writes to a chardev that is a ring buffer',
    arguments: struct('q_obj_ringbuf-write-arg', { device: str, data: str, format }),
    returns: EMPTY,
  },
  ({ device, data, format: as }, context) => {
    const bytes = as === 'base64' ? decodeBase64(data) : new TextEncoder().encode(data);
    bufferOf(device, context).write(bytes);
    return {};
  },
);

const read = defineCommand(
  {
    name: 'ringbuf-read',
    summary: 'Takes what is in a chardev that is a ring buffer',
    arguments: struct('q_obj_ringbuf-read-arg', { device: str, size: int, format }),
    returns: str,
  },
  ({ device, size, format: as }, context) => {
    const buffer = bufferOf(device, context);
    if (size <= 0) throw refuse('size must be greater than zero');
    return Buffer.from(buffer.read(size)).toString(as);
  },
);

export const ringbufCommands = { 'ringbuf-write': write, 'ringbuf-read': read };

function bufferOf(id: string, { chardevs }: MonitorContext): RingBuffer {
  const found = chardevs.get(id)?.backend;
  if (!found) throw refuse(`Device '${id}' not found`);
  if ('buffer' in found && found.buffer instanceof RingBuffer) return found.buffer;
  throw refuse(`${id} is not a ringbuf device`);
}

function refuse(reason: string): BlockError {
  return new BlockError('EINVAL', 'use a ring buffer', reason);
}
