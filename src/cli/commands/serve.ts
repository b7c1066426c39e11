/** `serve`: a disk for real guests, over NBD, with the mirror beside it when asked for. */

import type { SocketAddress } from '../../env/sockets.ts';
import { NBD_PORT } from '../../wire/nbd/constants.ts';
import { numberOf, parseArguments, wordOf } from '../arguments.ts';
import { type Command, UsageError } from '../command.ts';
import { COPYING_USAGE, MIRROR_OPTIONS, readMirrorWishes } from '../mirror-options.ts';
import { runServer, type ServePlan } from '../serve-run.ts';

const SERVER_OPTIONS = {
  export: { type: 'string' },
  description: { type: 'string' },
  'read-only': { type: 'boolean', default: false },
  unmap: { type: 'boolean', default: false },
  socket: { type: 'string' },
  host: { type: 'string' },
  port: { type: 'string' },
  'max-connections': { type: 'string' },
  tls: { type: 'string' },
  'tls-certificates': { type: 'string' },
  'tls-psk': { type: 'string' },
  'tls-verify-peer': { type: 'boolean', default: false },
  run: { type: 'string' },
  json: { type: 'boolean', default: false },
  progress: { type: 'boolean', default: false },
} as const;

const OPTIONS = { ...SERVER_OPTIONS, ...MIRROR_OPTIONS, mirror: { type: 'string' } } as const;

export const serve: Command = {
  name: 'serve',
  summary: 'Give guests a disk over NBD, mirrored while they use it',
  usage: `Usage: mirrordisk serve IMAGE [OPTIONS]

Offers IMAGE to NBD clients (QEMU's guests, the Linux kernel, nbdcopy and the
like) until Ctrl-C, and prints its URI with commands that use it. Clients may
come and go, and several may use it at a time. Without --socket or --port it
listens at a Unix socket of its own.

Serving:
  --socket PATH       Listen at a Unix socket, for programs of this user
  --port N            Listen over TCP; 0 takes any port that is free (${NBD_PORT})
  --host ADDRESS      On which address, an IPv6 one too (127.0.0.1: this host)
  --export NAME       What clients ask for (the default export, which is "")
  --description TEXT  What lists say of it
  --read-only         Refuse writes
  --unmap             Let trims and zeroes give storage back; of a file only the
                      end can be given back
  --max-connections N Clients at a time (100)
  --run COMMAND       Run COMMAND in a shell with $uri and, for a Unix socket,
                      $socket set, and end with it

TLS, with the files that QEMU's tls-creds-x509 and tls-creds-psk have:
  --tls-certificates DIR   ca-cert.pem, server-cert.pem and server-key.pem
  --tls-verify-peer        Refuse clients without a certificate of that CA
  --tls-psk DIR            keys.psk, with lines IDENTITY:KEY
  --tls require|on         on serves clients without TLS as well (require)

The mirror:
  --mirror TARGET     Copy the disk to TARGET, a path or an NBD URI, while it is
                      served; the options below need it
  --then switch       Once the two have met, switch the clients to TARGET, which
                      they do not notice (QEMU's name for it is complete)
  --then finish       Finish with a consistent copy; the clients stay on IMAGE
                      (QEMU's name for it is cancel)
                      Without --then it replicates until Ctrl-C, which does that
  --replicate SECONDS Stay in phase 2 this long before --then (0)

${COPYING_USAGE}

Output:
  --json              One JSON object a line on standard output
  --progress          Write progress also where standard error is no terminal

Examples:
  mirrordisk serve disk.img
  mirrordisk serve disk.img --mirror copy.img --then switch
  mirrordisk serve disk.img --port 10809 --mirror nbd://backup.example/disk
  mirrordisk serve disk.img --run 'nbdinfo "$uri"'

Exit codes: 0 it was served, and mirrored if asked for; 1 the mirror did not end
as asked, or COMMAND failed; 2 it could not be done.`,

  async run(args, io) {
    const parsed = parseArguments(args, { options: OPTIONS, expected: 'an image', count: 1 });
    const [image = ''] = parsed.positionals;
    return runServer(readPlan(parsed.values, image), io);
  },
};

const CONNECTIONS_MAX = 10_000;
const PORT_MAX = 65_535;

type Values = ReturnType<typeof parseArguments<typeof OPTIONS>>['values'];

function readPlan(values: Values, image: string): ServePlan {
  return {
    image,
    readOnly: values['read-only'],
    unmap: values.unmap,
    exportName: values.export ?? '',
    description: values.description,
    address: readAddress(values),
    connectionsMax: readConnections(values['max-connections']),
    tls: readTls(values),
    command: values.run,
    mirror: readMirror(values, image),
    direct: values.direct,
    json: values.json,
    showProgress: values.progress,
  };
}

/** @returns `undefined` for a Unix socket of its own. */
function readAddress({ socket, host, port }: Values): SocketAddress | undefined {
  if (socket !== undefined) {
    if (port !== undefined || host !== undefined) {
      throw new UsageError('--socket does not go with --port and --host');
    }
    return { type: 'unix', path: socket };
  }
  if (port === undefined && host === undefined) return undefined;
  const number = numberOf('port', port ?? `${NBD_PORT}`, { max: PORT_MAX, whole: true });
  return { type: 'inet', host: host ?? '127.0.0.1', port: number };
}

function readConnections(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const count = numberOf('max-connections', text, { max: CONNECTIONS_MAX, whole: true });
  if (count > 0) return count;
  throw new UsageError(`--max-connections must be above 0: "${text}"`);
}

function readTls(values: Values): ServePlan['tls'] {
  const { 'tls-certificates': certificates, 'tls-psk': psk, tls } = values;
  const verifyPeer = values['tls-verify-peer'];
  if (certificates !== undefined && psk !== undefined) {
    throw new UsageError('--tls-certificates does not go with --tls-psk');
  }
  if (verifyPeer && certificates === undefined) {
    throw new UsageError('--tls-verify-peer needs --tls-certificates');
  }
  const dir = certificates ?? psk;
  if (dir === undefined) {
    if (tls !== undefined) throw new UsageError('--tls needs --tls-certificates or --tls-psk');
    return undefined;
  }
  const required = wordOf('tls', tls ?? 'require', ['require', 'on']) === 'require';
  return { dir, type: psk === undefined ? 'x509' : 'psk', verifyPeer, required };
}

function readMirror(values: Values, image: string): ServePlan['mirror'] {
  const { mirror: target } = values;
  if (target !== undefined) {
    return { ...readMirrorWishes(values, { replicate: 0 }), source: image, target };
  }
  const given = Object.entries(values).filter(([, value]) => value !== false);
  const stray = given.find(([name]) => name !== 'direct' && name in MIRROR_OPTIONS);
  if (stray) throw new UsageError(`--${stray[0]} needs a --mirror`);
  return undefined;
}
