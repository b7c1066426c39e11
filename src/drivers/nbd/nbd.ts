/**
 * Opens exports of NBD servers as disks; {@link NbdDisk} is what comes of it, and {@link Link} what
 * it stands on.
 *
 *     NbdDisk -> Link -> Transmissions -> Transmission -> ReplyIntake     requests
 *                 +----------> +--------> Connector -> Dialogue           connections
 */

import { BlockError } from '../../base/errors.ts';
import { type DriverDefinition, defineDriver, type ReopenContext } from '../../block/driver.ts';
import type { TlsCredentials, TlsOptions } from '../../env/sockets.ts';
import { EXPORT_FLAG } from '../../wire/nbd/constants.ts';
import { Link } from './link.ts';
import { NbdDisk } from './nbd-disk.ts';
import { nbdOptions } from './options.ts';

/** Finds credentials by their id. @throws {BlockError} When there are none. */
export type CredentialsById = (id: string) => TlsCredentials;

/** @returns The driver, for those who have these credentials. */
export function nbdWith(credentials: CredentialsById): DriverDefinition {
  return defineDriver(() => nbdOptions, {
    summary: 'An export of an NBD server',
    async open(options, { env, ...context }) {
      let { readOnly } = context;
      const address = options.server;
      const id = options['tls-creds'];
      const host = address.type === 'inet' ? address.host : undefined;
      const serverName = options['tls-hostname'] ?? host;
      const tls: TlsOptions | undefined =
        id === undefined ? undefined : { side: 'client', ...credentials(id), serverName };
      const wishes = { exportName: options.export, tls, context: options['x-dirty-bitmap'] };
      const link = await Link.open(
        { env, address, ...wishes },
        {
          reconnectDelayMs: options['reconnect-delay'] * 1000,
          openTimeoutMs: options['open-timeout'] * 1000,
          connectionsMax: Math.max(1, options['multi-conn']),
          judge({ flags }) {
            if (readOnly || !(flags & EXPORT_FLAG.READ_ONLY)) return undefined;
            return { code: 'EACCES', reason: 'NBD export is read-only' };
          },
        },
      );
      return new NbdDisk(link, {
        prepare(_options: unknown, wanted: ReopenContext) {
          if (!wanted.readOnly && link.terms.flags & EXPORT_FLAG.READ_ONLY) {
            const rule = "Can't reopen read-only NBD mount as read/write";
            throw new BlockError('EACCES', 'write to the export', rule);
          }
          const commit = () => {
            readOnly = wanted.readOnly;
          };
          return { commit };
        },
      });
    },
  });
}
