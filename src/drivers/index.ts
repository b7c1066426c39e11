/** The drivers there are, by the names that `driver=` gives. */

import { BlockError } from '../base/errors.ts';
import type { DriverRegistry } from '../block/driver.ts';
import { file } from './file.ts';
import { memory } from './memory.ts';
import { type CredentialsById, nbdWith } from './nbd/nbd.ts';
import { nullCo } from './null.ts';
import { raw } from './raw.ts';

/** Where nobody has credentials, there are none by any id. */
const noCredentials: CredentialsById = (id) => {
  throw new BlockError('ENOENT', 'start TLS', `No TLS credentials with id '${id}'`);
};

export const drivers = {
  memory,
  'null-co': nullCo,
  'null-aio': nullCo,
  file,
  raw,
  nbd: nbdWith(noCredentials),
} satisfies DriverRegistry;

/** The same, for a machine with TLS credentials. */
export function driversOf(credentials: CredentialsById): typeof drivers {
  return { ...drivers, nbd: nbdWith(credentials) };
}
