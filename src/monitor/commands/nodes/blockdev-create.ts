/** The command `blockdev-create`: makes an image, by a job of its own. */

import { BlockError } from '../../../base/errors.ts';
import { createImageFile } from '../../../machine/create-image.ts';
import {
  enumeration,
  optional,
  struct,
  union,
  withDefault,
} from '../../../wire/qapi/composites.ts';
import { bool, size, str } from '../../../wire/qapi/scalars.ts';
import { defineCommand, type MonitorContext } from '../../command.ts';
import { blockdevDriver } from '../../schema/blockdev.ts';

const preallocation = enumeration('PreallocMode', ['off', 'metadata', 'falloc', 'full']);

const fileOptions = struct('BlockdevCreateOptionsFile', {
  filename: str,
  size,
  preallocation: withDefault(preallocation, 'off'),
  /** What would only change how fast some file systems are is heard, and not heeded. */
  nocow: optional(bool),
  'extent-size-hint': optional(size),
});

const options = union('BlockdevCreateOptions', {
  members: { driver: blockdevDriver },
  tag: 'driver',
  branches: { file: fileOptions },
});

export const blockdevCreate = defineCommand(
  {
    name: 'blockdev-create',
    summary: 'Starts a job that makes an image',
    arguments: struct('q_obj_blockdev-create-arg', { 'job-id': str, options }),
  },
  async ({ 'job-id': id, options: given }, context) => {
    if (given.driver !== 'file') {
      const reason = 'Driver does not support blockdev-create';
      throw new BlockError('ENOTSUP', 'create an image', reason);
    }
    const { filename: path, size: bytes } = given;
    await startCreate(context, id, { path, size: bytes, preallocation: given.preallocation });
  },
);

/** Starts the job; if it fails at once, it has failed on return. */
async function startCreate(
  { machine }: MonitorContext,
  id: string,
  image: Parameters<typeof createImageFile>[1],
): Promise<void> {
  const { files, clock } = machine.env;
  let goOn = () => {};
  const isOpen = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const job = machine.jobs.startCreate(id, async () => {
    await createImageFile(files, image, goOn);
    await clock.turn();
  });
  await Promise.race([isOpen, job.finished]);
}
