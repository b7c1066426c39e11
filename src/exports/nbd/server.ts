/**
 * An NBD server: disks under names, for clients that come by way of sockets.
 *
 *     listen() -> connection -> Handshake -> Transmission -> NbdExport -> edge -> node ...
 *
 * The server knows who is there and sees to the limits; the protocol is in the two phases of a
 * connection.
 */

import { BlockError } from '../../base/errors.ts';
import type { Env, Timer } from '../../env/env.ts';
import type { Connection, InheritedSocket, Listener, SocketAddress } from '../../env/sockets.ts';
import { Signal } from '../../sync/signal.ts';
import type { Inflow } from '../../wire/inflow.ts';
import type { ExportEvent } from '../events.ts';
import { BufferPool } from './buffer-pool.ts';
import { NbdExport, type NbdExportOptions } from './export.ts';
import { Handshake, type NbdServerTls } from './handshake.ts';
import { DEFAULT_LIMITS, type NbdLimits } from './limits.ts';
import { type Chosen, Transmission } from './transmission.ts';

/** How a server is set up. */
export interface NbdServerOptions {
  readonly env: Pick<Env, 'clock' | 'sockets'>;
  /** @default {@link DEFAULT_LIMITS} */
  readonly limits?: Partial<NbdLimits> | undefined;
  /** @default No client can have TLS. */
  readonly tls?: NbdServerTls | undefined;
  readonly onEvent?: ((event: ExportEvent) => void) | undefined;
}

/**
 * How an export is removed: `safe` only when no client is connected to it, `hard` at once, ending
 * all connections to it.
 */
export type RemovalMode = 'safe' | 'hard';

/** A connection in one of its phases. */
interface Visitor {
  stop(): void;
}

export class NbdServer {
  readonly #env: Pick<Env, 'clock' | 'sockets'>;
  readonly #limits: NbdLimits;
  readonly #tls: NbdServerTls | undefined;
  readonly #onEvent: (event: ExportEvent) => void;
  readonly #pool = new BufferPool();
  readonly #listeners = new Set<Listener>();
  readonly #exports = new Set<NbdExport>();
  readonly #visitors = new Set<Visitor>();
  readonly #left = new Signal();
  #closing: Promise<void> | undefined;

  constructor({ env, limits, tls, onEvent = () => {} }: NbdServerOptions) {
    this.#env = env;
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
    this.#tls = tls;
    this.#onEvent = onEvent;
  }

  /** The exports, those that are going away included, in the order in which they came. */
  get exports(): readonly NbdExport[] {
    return [...this.#exports];
  }

  /** Where it listens. */
  get addresses(): readonly SocketAddress[] {
    return Array.from(this.#listeners, ({ address }) => address);
  }

  /** How many clients are connected. */
  get connections(): number {
    return this.#visitors.size;
  }

  /**
   * Lets clients come, in addition to where they can come already.
   *
   * @returns The address, with the port that was chosen.
   * @throws {BlockError} As `Sockets.listen`; `ESHUTDOWN` when the server is closed.
   */
  async listen(address: SocketAddress | InheritedSocket): Promise<SocketAddress> {
    const listener = await this.#env.sockets.listen(address, (connection) =>
      this.accept(connection),
    );
    if (this.#closing) {
      await listener.close();
      throw new BlockError('ESHUTDOWN', 'listen', 'the NBD server is closed');
    }
    this.#listeners.add(listener);
    return listener.address;
  }

  /** Takes in a client, unless there are too many; the connection is the server's. */
  accept(connection: Connection): void {
    if (this.#closing || this.#visitors.size >= this.#limits.connectionsMax) {
      connection.destroy();
      return;
    }
    let deadline: Timer | undefined;
    const handshake: Handshake = new Handshake({
      connection,
      exports: this,
      tls: this.#tls,
      onChosen: (chosen, final, inflow) => {
        deadline?.cancel();
        this.#transmit(chosen, final, inflow);
        this.#visitors.delete(handshake);
      },
      onOver: () => {
        deadline?.cancel();
        this.#leave(handshake);
      },
    });
    this.#visitors.add(handshake);
    deadline = this.#env.clock.after(this.#limits.handshakeMs, () => handshake.stop());
    handshake.start();
  }

  /** All exports that clients may have. */
  get all(): readonly NbdExport[] {
    return this.exports.filter(({ isShuttingDown }) => !isShuttingDown);
  }

  /** @returns The export that clients call so, if they may have it. */
  find(name: string): NbdExport | undefined {
    return this.all.find((it) => it.name === name);
  }

  /**
   * Offers a disk.
   *
   * @throws {BlockError} `EEXIST` for an id or a name in use, `ESHUTDOWN` when the server is
   *   closed; else as {@link NbdExport}.
   */
  add(options: NbdExportOptions): NbdExport {
    const { id, node, name = node.name } = options;
    const action = `export "${node.name}"`;
    if (this.#closing) throw new BlockError('ESHUTDOWN', action, 'the NBD server is closed');
    if (this.exports.some((it) => it.id === id)) {
      throw new BlockError('EEXIST', action, `Block export id '${id}' is already in use`);
    }
    if (this.exports.some((it) => it.name === name)) {
      throw new BlockError('EEXIST', action, `NBD server already has export named '${name}'`);
    }
    const added = new NbdExport(options);
    this.#exports.add(added);
    return added;
  }

  /**
   * Takes an export away. The disk is free when this resolves.
   *
   * @throws {BlockError} `ENOENT` when there is none of that id, `EBUSY` when somebody is connected
   *   to it and the mode is `safe`.
   */
  async remove(id: string, mode: RemovalMode): Promise<void> {
    const action = 'remove the export';
    const found = this.exports.find((it) => it.id === id);
    if (!found) throw new BlockError('ENOENT', action, `Export '${id}' is not found`);
    if (mode === 'safe' && found.isInUse) {
      throw new BlockError('EBUSY', action, `export '${id}' still in use`);
    }
    await this.#close(found);
  }

  /** Lets nobody come any more, ends all connections, and removes all exports. */
  close(): Promise<void> {
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  async #shutDown(): Promise<void> {
    for (const visitor of this.#visitors) visitor.stop();
    await Promise.all(Array.from(this.#listeners, (listener) => listener.close()));
    this.#listeners.clear();
    await Promise.all(this.exports.map((it) => this.#close(it)));
    while (this.#visitors.size > 0) await this.#left.wait();
  }

  async #close(leaving: NbdExport): Promise<void> {
    await leaving.close();
    // Somebody else may have waited for it as well.
    if (!this.#exports.delete(leaving)) return;
    this.#onEvent({ event: 'BLOCK_EXPORT_DELETED', data: { id: leaving.id } });
  }

  #transmit(chosen: Chosen, connection: Connection, inflow: Inflow): void {
    const { clock } = this.#env;
    const transmission: Transmission = new Transmission({
      ...chosen,
      connection,
      inflow,
      limits: this.#limits,
      pool: this.#pool,
      clock,
      onOver: () => this.#leave(transmission),
    });
    this.#visitors.add(transmission);
    transmission.start();
  }

  #leave(visitor: Visitor): void {
    this.#visitors.delete(visitor);
    this.#left.notifyAll();
  }
}
