/** A disk that NBD clients use, in the hands of the program that offers it. */

import type { BlockNode } from '../block/node.ts';
import type { SocketAddress } from '../env/sockets.ts';
import type { NbdExport } from '../exports/nbd/export.ts';
import type { NbdServerTls } from '../exports/nbd/handshake.ts';
import type { NbdLimits } from '../exports/nbd/limits.ts';
import type { NbdExportStatistics } from '../exports/nbd/statistics.ts';
import { formatNbdUri } from '../wire/nbd/uri.ts';
import type { Machine } from './machine.ts';

/** How a disk is offered to NBD clients. */
export interface DiskServeOptions {
  /** Where to listen. A Unix socket is for programs of this user only. */
  readonly address: SocketAddress;
  /** What clients ask for. @default "", which is the default export */
  readonly exportName?: string | undefined;
  /** For people, in lists. @default "" */
  readonly description?: string | undefined;
  /** Refuse their writes. @default As the disk */
  readonly readOnly?: boolean | undefined;
  /** @default No TLS */
  readonly tls?: NbdServerTls | undefined;
  readonly limits?: Partial<NbdLimits> | undefined;
}

export class ServedDisk implements AsyncDisposable {
  /** With the port that was chosen. */
  readonly address: SocketAddress;
  /** What clients are given; under TLS they need their side of it besides. */
  readonly uri: string;
  /** Resolves when it is served no more. */
  readonly closed: Promise<void>;
  readonly #machine: Machine;
  readonly #offered: NbdExport;
  #closing: Promise<void> | undefined;
  #close = () => {};

  /**
   * Offers the disk on `node`, at the one NBD server of its machine.
   *
   * @throws {BlockError} As `Disk.serve`.
   */
  static async start(
    machine: Machine,
    node: BlockNode,
    options: DiskServeOptions,
  ): Promise<ServedDisk> {
    const { address: wanted, tls, limits, exportName = '', description, readOnly } = options;
    const { exports } = machine;
    const address = await exports.start({ address: wanted, tls, limits });
    try {
      const writable = !(readOnly ?? node.options.readOnly);
      const offer = { id: 'nbd', nodeName: node.name, name: exportName, description, writable };
      const uri = formatNbdUri({ server: address, exportName, tls: tls && {} });
      return new ServedDisk(machine, exports.add(offer), { address, uri });
    } catch (error) {
      await exports.stop();
      throw error;
    }
  }

  private constructor(
    machine: Machine,
    offered: NbdExport,
    { address, uri }: { readonly address: SocketAddress; readonly uri: string },
  ) {
    this.#machine = machine;
    this.#offered = offered;
    this.address = address;
    this.uri = uri;
    this.closed = new Promise((resolve) => {
      this.#close = resolve;
    });
  }

  /** Requests, bytes and errors since it is served, and who is connected. */
  statistics(): NbdExportStatistics {
    return this.#offered.statistics();
  }

  /**
   * Ends all connections once what they asked for is done, and makes it durable.
   *
   * @throws {BlockError} What the disk could not be flushed for; it is served no more all the same.
   */
  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #end(): Promise<void> {
    const { node } = this.#offered.edge;
    await this.#machine.exports.stop();
    this.#close();
    if (!node.options.readOnly && !node.isClosed) await node.flush();
  }
}
