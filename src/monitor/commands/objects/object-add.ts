/** `object-add` and `object-del`. */

import { BlockError } from '../../../base/errors.ts';
import type { ThrottleLimits } from '../../../filters/throttle-limits.ts';
import type { MachineObject } from '../../../machine/objects.ts';
import type { TlsCredentialsOptions } from '../../../machine/tls-credentials.ts';
import { EMPTY } from '../../../wire/qapi/command.ts';
import { struct } from '../../../wire/qapi/composites.ts';
import { str } from '../../../wire/qapi/scalars.ts';
import { defineCommand } from '../../command.ts';
import { type ObjectOptions, objectOptions } from '../../schema/object.ts';

/** Makes an object. */
export const objectAdd = defineCommand(
  {
    name: 'object-add',
    summary: 'Makes an object: throttle group, secret, TLS credentials or iothread',
    arguments: objectOptions,
    returns: EMPTY,
  },
  async (given, { machine }) => {
    await machine.objects.add(given.id, objectOf(given));
    return {};
  },
);

/** Takes one away. */
export const objectDel = defineCommand(
  {
    name: 'object-del',
    summary: 'Takes away an object that nothing uses',
    arguments: struct('q_obj_object-del-arg', { id: str }),
    returns: EMPTY,
  },
  ({ id }, { machine }) => {
    machine.objects.remove(id);
    return {};
  },
);

type Of<Type extends ObjectOptions['qom-type']> = Extract<
  ObjectOptions,
  { readonly 'qom-type': Type }
>;

function objectOf(given: ObjectOptions): MachineObject {
  switch (given['qom-type']) {
    case 'iothread':
      return { type: 'iothread', properties: numbersOf(given) };
    case 'secret':
      return { type: 'secret', ...given };
    case 'throttle-group':
      return { type: 'throttle-group', limits: limitsOf(given) };
    default:
      return { type: given['qom-type'], options: credentialsOf(given) };
  }
}

function numbersOf(given: ObjectOptions): Readonly<Record<string, number>> {
  const numbers: Record<string, number> = {};
  for (const [name, value] of Object.entries(given)) {
    if (typeof value === 'number') numbers[name] = value;
  }
  return numbers;
}

/** Limits are one member or, by their old names, one each. */
function limitsOf(given: Of<'throttle-group'>): ThrottleLimits {
  const single = Object.entries(numbersOf(given)).map(([name, value]) => {
    if (value < 0) throw refuse('Property values cannot be negative');
    return [name.slice('x-'.length), value];
  });
  return { ...Object.fromEntries(single), ...given.limits };
}

/** What only QEMU's own implementation of TLS has. */
const UNSUPPORTED = ['priority', 'passwordid'] as const;

function credentialsOf(given: Of<'tls-creds-psk'> | Of<'tls-creds-x509'>): TlsCredentialsOptions {
  const { dir, endpoint = 'client' } = given;
  const foreign = UNSUPPORTED.find(
    (name) => name in given && Reflect.get(given, name) !== undefined,
  );
  if (foreign !== undefined) throw refuse(`Parameter '${foreign}' is not supported`);
  if (dir === undefined) throw refuse("Missing 'dir' property value");
  if (given['qom-type'] === 'tls-creds-psk') {
    const { username } = given;
    const user = username === undefined ? {} : { username };
    return { 'qom-type': 'tls-creds-psk', dir, endpoint, ...user };
  }
  const { 'verify-peer': verifyPeer = true } = given;
  return { 'qom-type': 'tls-creds-x509', dir, endpoint, 'verify-peer': verifyPeer };
}

function refuse(reason: string): BlockError {
  return new BlockError('EINVAL', 'make an object', reason);
}
