/** Objects, as commands and options name them: QEMU's ObjectOptions, as far as they are there. */

import { throttleLimits } from '../../filters/throttle-limits.ts';
import { enumeration, optional, struct, union, withFeatures } from '../../wire/qapi/composites.ts';
import { bool, int, str } from '../../wire/qapi/scalars.ts';
import type { ValueOf } from '../../wire/qapi/type.ts';

const OBJECT_TYPES = [
  'iothread',
  'secret',
  'throttle-group',
  'tls-creds-psk',
  'tls-creds-x509',
] as const;

const iothread = struct('IothreadProperties', {
  'aio-max-batch': optional(int),
  'thread-pool-min': optional(int),
  'thread-pool-max': optional(int),
  'poll-max-ns': optional(int),
  'poll-grow': optional(int),
  'poll-shrink': optional(int),
});

const secret = struct('SecretProperties', {
  loaded: withFeatures(optional(bool), 'deprecated'),
  format: optional(enumeration('QCryptoSecretFormat', ['raw', 'base64'])),
  keyid: optional(str),
  iv: optional(str),
  data: optional(str),
  file: optional(str),
});

const unstableLimit = withFeatures(optional(int), 'unstable');

const throttleGroup = struct('ThrottleGroupProperties', {
  limits: optional(throttleLimits),
  'x-iops-total': unstableLimit,
  'x-iops-total-max': unstableLimit,
  'x-iops-total-max-length': unstableLimit,
  'x-iops-read': unstableLimit,
  'x-iops-read-max': unstableLimit,
  'x-iops-read-max-length': unstableLimit,
  'x-iops-write': unstableLimit,
  'x-iops-write-max': unstableLimit,
  'x-iops-write-max-length': unstableLimit,
  'x-bps-total': unstableLimit,
  'x-bps-total-max': unstableLimit,
  'x-bps-total-max-length': unstableLimit,
  'x-bps-read': unstableLimit,
  'x-bps-read-max': unstableLimit,
  'x-bps-read-max-length': unstableLimit,
  'x-bps-write': unstableLimit,
  'x-bps-write-max': unstableLimit,
  'x-bps-write-max-length': unstableLimit,
  'x-iops-size': unstableLimit,
});

const tlsCreds = {
  'verify-peer': optional(bool),
  dir: optional(str),
  endpoint: optional(enumeration('QCryptoTLSCredsEndpoint', ['client', 'server'])),
  priority: optional(str),
  loaded: withFeatures(optional(bool), 'deprecated'),
};

/** QEMU's ObjectOptions. */
export const objectOptions = union('ObjectOptions', {
  members: { 'qom-type': enumeration('ObjectType', OBJECT_TYPES), id: str },
  tag: 'qom-type',
  branches: {
    iothread,
    secret,
    'throttle-group': throttleGroup,
    'tls-creds-psk': struct('TlsCredsPskProperties', { ...tlsCreds, username: optional(str) }),
    'tls-creds-x509': struct('TlsCredsX509Properties', {
      ...tlsCreds,
      'sanity-check': optional(bool),
      passwordid: optional(str),
    }),
  },
});

/** An object as it is asked for. */
export type ObjectOptions = ValueOf<typeof objectOptions>;
