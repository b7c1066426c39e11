/**
 * One run of `mirrordisk serve`: a disk that clients use until somebody ends it.
 *
 * The mirror starts before the first client can come, so that it misses nothing of what they write.
 * What goes wrong with it is told and changes nothing for the clients. At the end they go first:
 * what the mirror then finishes with is the last that they wrote.
 */

import type { SocketAddress } from '../env/sockets.ts';
import type { NbdServerTls } from '../exports/nbd/handshake.ts';
import { type Disk, openDisk } from '../machine/disk.ts';
import type { Mirror, MirrorOutcome } from '../machine/mirror.ts';
import type { ServedDisk } from '../machine/served-disk.ts';
import { TlsCredentialStore } from '../machine/tls-credentials.ts';
import type { CommandIo, ExitCode } from './command.ts';
import { Interrupts } from './interrupts.ts';
import { carryOut, interrupter, type MirrorTask, retry, startMirror } from './mirror-steering.ts';
import { ServeReport, type ServeReportOptions } from './serve-report.ts';
import { ShellCommand } from './shell-command.ts';
import { withSocketFolder } from './socket-folder.ts';

export interface ServePlan extends ServeReportOptions {
  /** A path or a URI. */
  readonly image: string;
  readonly readOnly: boolean;
  readonly unmap: boolean;
  readonly direct: boolean;
  /** "" is the default export. */
  readonly exportName: string;
  readonly description: string | undefined;
  /** Where to listen; at a Unix socket in a folder of its own, if not given. */
  readonly address: SocketAddress | undefined;
  readonly connectionsMax: number | undefined;
  readonly tls: TlsWishes | undefined;
  /** What to run meanwhile; its end is that of the run. */
  readonly command: string | undefined;
  readonly mirror: MirrorTask | undefined;
}

/** How clients and server prove themselves. */
export interface TlsWishes {
  /** The folder with the files. */
  readonly dir: string;
  readonly type: 'x509' | 'psk';
  readonly verifyPeer: boolean;
  readonly required: boolean;
}

/** @throws {BlockError} What could not be done. */
export async function runServer(plan: ServePlan, io: CommandIo): Promise<ExitCode> {
  const interrupts = new Interrupts(io);
  try {
    if (plan.address) return await serveAt(plan.address, plan, { interrupts, io });
    return await withSocketFolder(io, (path) =>
      serveAt({ type: 'unix', path }, plan, { interrupts, io }),
    );
  } finally {
    interrupts.close();
  }
}

interface Surroundings {
  readonly interrupts: Interrupts;
  readonly io: CommandIo;
}

async function serveAt(
  address: SocketAddress,
  plan: ServePlan,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { env } = surroundings.io;
  const { readOnly, direct, unmap, exportName, description, connectionsMax } = plan;
  const tls = plan.tls && (await loadTls(plan.tls, surroundings.io));
  const disk = await openDisk(plan.image, { readOnly, direct, unmap, env });
  try {
    const mirror = plan.mirror && (await startMirror(plan.mirror, disk, env.files));
    const limits = connectionsMax === undefined ? {} : { connectionsMax };
    const served = await disk.serve({ address, exportName, description, readOnly, tls, limits });
    return await new Run(plan, { disk, mirror, served }, surroundings).toItsEnd();
  } finally {
    await disk.close();
  }
}

async function loadTls(
  { dir, type, verifyPeer, required }: TlsWishes,
  { env }: CommandIo,
): Promise<NbdServerTls> {
  const store = new TlsCredentialStore(env.files);
  const common = { dir, endpoint: 'server' } as const;
  await store.add(
    'server',
    type === 'psk'
      ? { ...common, 'qom-type': 'tls-creds-psk' }
      : { ...common, 'qom-type': 'tls-creds-x509', 'verify-peer': verifyPeer },
  );
  return { credentials: store.find('server', 'server'), required };
}

/** What is at work. */
interface Parts {
  readonly disk: Disk;
  readonly mirror: Mirror | undefined;
  readonly served: ServedDisk;
}

class Run {
  readonly #plan: ServePlan;
  readonly #parts: Parts;
  readonly #io: CommandIo;
  readonly #interrupts: Interrupts;
  readonly #report: ServeReport;
  readonly #command: ShellCommand | undefined;

  constructor(plan: ServePlan, parts: Parts, { interrupts, io }: Surroundings) {
    this.#plan = plan;
    this.#parts = parts;
    this.#io = io;
    this.#interrupts = interrupts;
    this.#report = new ServeReport(plan, parts, io);
    this.#report.started();
    this.#command = plan.command === undefined ? undefined : this.#start(plan.command);
  }

  async toItsEnd(): Promise<ExitCode> {
    const { mirror, served } = this.#parts;
    const mirroring = mirror && this.#followMirror(mirror);
    const watching = this.#report.watch();
    await this.#untilAsked(mirroring);
    await served.close();
    const outcome = await mirroring;
    const status = await this.#command?.stop();
    await watching;
    this.#report.summarise();
    return this.#isAsAsked(outcome) && (status ?? 0) === 0 ? 0 : 1;
  }

  #start(command: string): ShellCommand {
    const { uri, address } = this.#parts.served;
    const socket = address.type === 'unix' ? { socket: address.path } : {};
    return new ShellCommand(command, { uri, ...socket });
  }

  async #followMirror(mirror: Mirror): Promise<MirrorOutcome | undefined> {
    const { mirror: task } = this.#plan;
    if (!task) return undefined;
    const { clock } = this.#io.env;
    const following = this.#report.follow(mirror);
    const ending = carryOut(task, mirror, undefined, clock);
    const [outcome] = await Promise.all([ending, following, retry(task, mirror, clock)]);
    this.#report.mirrored(mirror, outcome);
    return outcome;
  }

  /** Waits for Ctrl-C, or for the command, and then for a mirror that is to end by itself. */
  #untilAsked(mirroring: Promise<unknown> | undefined): Promise<void> {
    const { mirror, served } = this.#parts;
    const clients = { stop: () => served.close(), finished: served.closed };
    const endMirror = mirror && interrupter(mirror, clients);
    return new Promise((resolve) => {
      const end = (count: number): string => {
        resolve();
        const ending = endMirror && mirror?.status !== 'null' ? endMirror(count) : undefined;
        return ending ?? 'ending, once what clients asked for is done';
      };
      this.#interrupts.handle(end);
      void this.#command?.finished.then(async () => {
        // A mirror that was told how to end does so.
        if (this.#plan.mirror?.ending) await mirroring;
        end(1);
      });
    });
  }

  #isAsAsked(outcome: MirrorOutcome | undefined): boolean {
    if (!this.#plan.mirror) return true;
    if (outcome?.status !== 'completed') return false;
    return this.#plan.mirror.ending !== 'switch' || outcome.switched;
  }
}
