/**
 * What a machine offers to others: its NBD server, and the disks that it exports there.
 *
 * There is at most one server, as in QEMU. The commands nbd-server-start, block-export-add,
 * block-export-del and query-block-exports are one call each.
 */

import { BlockError, type BlockErrorCode } from '../base/errors.ts';
import type { DirtyBitmap } from '../bitmap/dirty-bitmap.ts';
import type { DirtyBitmaps } from '../block/dirty-bitmaps.ts';
import type { BlockGraph } from '../block/graph.ts';
import type { BlockNode } from '../block/node.ts';
import type { Env } from '../env/env.ts';
import type { InheritedSocket, SocketAddress } from '../env/sockets.ts';
import type { ExportEvent } from '../exports/events.ts';
import type { NbdExport, NbdExportOptions } from '../exports/nbd/export.ts';
import type { NbdServerTls } from '../exports/nbd/handshake.ts';
import type { NbdLimits } from '../exports/nbd/limits.ts';
import { NbdServer, type RemovalMode } from '../exports/nbd/server.ts';
import type { Drive } from './drive.ts';

/** How the NBD server of a machine is started. */
export interface NbdServerStart {
  readonly address: SocketAddress | InheritedSocket;
  readonly tls?: NbdServerTls | undefined;
  readonly limits?: Partial<NbdLimits> | undefined;
}

/** An export to be added: QEMU's BlockExportOptions. */
export interface ExportStart extends Omit<NbdExportOptions, 'node' | 'bitmaps'> {
  /** The name of the node. */
  readonly nodeName: string;
  /** Dirty bitmaps to be shown. @default None. */
  readonly bitmaps?: readonly ShownBitmap[] | undefined;
  /** A drive that the node is in: the export goes when it is taken out. @default None. */
  readonly drive?: Drive | undefined;
}

/** A bitmap by its name, of the node that is exported or of one behind it, or of another node. */
export type ShownBitmap = string | { readonly node: string; readonly name: string };

/** An export as QEMU's query-block-exports tells of it. */
export interface BlockExportInfo {
  readonly id: string;
  readonly type: 'nbd';
  readonly 'node-name': string;
  /** It takes no more clients, and is on its way out. */
  readonly 'shutting-down': boolean;
}

/** The parts of a machine that exports need. */
export interface ExportsParts {
  readonly env: Env;
  readonly graph: BlockGraph;
  readonly bitmaps: DirtyBitmaps;
  readonly onEvent: (event: ExportEvent) => void;
}

export class MachineExports {
  readonly #parts: ExportsParts;
  /** The bitmaps that exports show, by the ids of these. */
  readonly #shown = new Map<string, readonly DirtyBitmap[]>();
  /** The drives that the nodes of exports are in, by the ids of these. */
  readonly #drives = new Map<string, Drive>();
  #server: NbdServer | undefined;

  constructor(parts: ExportsParts) {
    this.#parts = parts;
  }

  /** The NBD server, while there is one. */
  get server(): NbdServer | undefined {
    return this.#server;
  }

  /**
   * Starts the NBD server.
   *
   * @throws {BlockError} `EBUSY` when there is one; else as `Sockets.listen`.
   */
  async start({ address, tls, limits }: NbdServerStart): Promise<SocketAddress> {
    if (this.#server) throw refuse('EBUSY', 'NBD server already running');
    const { env } = this.#parts;
    const onEvent = (event: ExportEvent) => this.#tell(event);
    const server = new NbdServer({ env, tls, limits, onEvent });
    this.#server = server;
    try {
      return await server.listen(address);
    } catch (error) {
      this.#server = undefined;
      throw error;
    }
  }

  /** Stops the NBD server: all connections end, and all exports are removed. */
  async stop(): Promise<void> {
    const server = this.#server;
    await server?.close();
    if (this.#server === server) this.#server = undefined;
  }

  /**
   * Exports a disk.
   *
   * @throws {BlockError} `ENODEV` for no node, `EPERM` for a writable export of a read-only one,
   *   `ENOTCONN` when there is no server, `ENOENT` for a bitmap that is not there, `EBUSY` for one
   *   in use, `EINVAL` for one that records what the export cannot; else as {@link NbdServer.add}.
   */
  add({ nodeName, drive, bitmaps: wanted = [], ...options }: ExportStart): NbdExport {
    const { graph, bitmaps } = this.#parts;
    const node = graph.find(nodeName);
    if (options.writable && node.options.readOnly) {
      throw refuse('EPERM', 'Cannot export read-only node as writable');
    }
    if (!this.#server) throw refuse('ENOTCONN', 'NBD server not running');
    const shown = new Map(wanted.map((it) => this.#bitmap(it, node, options)));
    const name = options.name ?? nodeName;
    const entry = graph.entryOf(node);
    const added = this.#server.add({ ...options, name, node: entry, bitmaps: shown });
    this.#shown.set(added.id, [...shown.values()]);
    if (drive) this.#drives.set(added.id, drive);
    for (const bitmap of shown.values()) bitmaps.claim(bitmap);
    return added;
  }

  /** Takes an export away, as {@link NbdServer.remove}. */
  async remove(id: string, mode: RemovalMode = 'safe'): Promise<void> {
    if (!this.#server) throw refuse('ENOENT', `Export '${id}' is not found`);
    await this.#server.remove(id, mode);
  }

  /** Takes away what is exported by way of a drive, whoever uses it. */
  async removeOf(drive: Drive): Promise<void> {
    const those = [...this.#drives].filter(([, other]) => other === drive);
    await Promise.all(those.map(([id]) => this.remove(id, 'hard')));
  }

  /** All exports, the newest first. */
  query(): readonly BlockExportInfo[] {
    return [...(this.#server?.exports ?? [])].reverse().map(({ id, edge, isShuttingDown }) => ({
      id,
      type: 'nbd',
      'node-name': edge.node.name,
      'shutting-down': isShuttingDown,
    }));
  }

  /** Finds a bitmap to be shown. @returns Its name, and it. */
  #bitmap(
    wanted: ShownBitmap,
    node: BlockNode,
    { writable = false }: Pick<ExportStart, 'writable'>,
  ): readonly [string, DirtyBitmap] {
    const { graph, bitmaps } = this.#parts;
    if (typeof wanted !== 'string') {
      return [wanted.name, bitmaps.claimable(graph.find(wanted.node), wanted.name)];
    }
    const layer = bitmaps.layerWith(node, wanted);
    const isRecording = layer.bitmaps.has(bitmaps.get(layer, wanted));
    // Who reads by it would miss what is written meanwhile.
    if (isRecording && !writable && !layer.options.readOnly) {
      throw refuse('EINVAL', `Enabled bitmap '${wanted}' incompatible with readonly export`);
    }
    return [wanted, bitmaps.claimable(layer, wanted)];
  }

  #tell(event: ExportEvent): void {
    const { id } = event.data;
    for (const bitmap of this.#shown.get(id) ?? []) this.#parts.bitmaps.giveBack(bitmap);
    this.#shown.delete(id);
    this.#drives.delete(id);
    this.#parts.onEvent(event);
  }
}

function refuse(code: BlockErrorCode, reason: string): BlockError {
  return new BlockError(code, 'export a disk', reason);
}
