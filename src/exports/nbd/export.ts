/**
 * An export: a node under the name by which clients ask for it.
 *
 * All of its clients go through one edge. A drain therefore holds them back, a pivot takes them
 * along and a resize reaches them, while their connections stay; and what one of them has written
 * is there for all, and flushed by the flush of any: that is what CAN_MULTI_CONN promises.
 */

import { BlockError } from '../../base/errors.ts';
import type { DirtyBitmap } from '../../bitmap/dirty-bitmap.ts';
import { BlockEdge } from '../../block/edge.ts';
import type { BlockNode } from '../../block/node.ts';
import type { Permission } from '../../block/parent.ts';
import { NOT_RESIZING } from '../../block/permissions.ts';
import { Signal } from '../../sync/signal.ts';
import { EXPORT_FLAG, TEXT_LENGTH_MAX } from '../../wire/nbd/constants.ts';
import type { BlockSizes } from '../../wire/nbd/option-replies.ts';
import type { ReplyStyle } from '../../wire/nbd/replies.ts';
import { encodeText } from '../../wire/nbd/texts.ts';
import { PAYLOAD_MAX } from './limits.ts';
import { NbdAccounts, type NbdExportStatistics } from './statistics.ts';

/** What is exported and how: QEMU's BlockExportOptionsNbd. */
export interface NbdExportOptions {
  /** What it is called here, among all exports. */
  readonly id: string;
  readonly node: BlockNode;
  /** What clients call it; "" is what they get who name none. @default The name of the node. */
  readonly name?: string | undefined;
  /** For people, in lists. @default "" */
  readonly description?: string | undefined;
  /** @default false */
  readonly writable?: boolean | undefined;
  /**
   * What becomes of clients when the disk loses power. `refuse` ends their connections and lets
   * nobody come until the disk is exported anew, as when the host of a real server loses power; a
   * client would else take for safe what it had not flushed. `serve` is that fault: nobody is told.
   *
   * @default 'refuse'
   */
  readonly onPowerLoss?: 'refuse' | 'serve' | undefined;
  /** Dirty bitmaps that clients may look at, by name. @default None. */
  readonly bitmaps?: ReadonlyMap<string, DirtyBitmap> | undefined;
}

/** A connection of a client, as its export sees it. */
export interface ExportClient {
  /** Ends the connection at once. */
  stop(): void;
}

const READING: readonly Permission[] = ['consistent-read'];
const WRITING: readonly Permission[] = ['consistent-read', 'write'];

/** What a request best is a multiple of, where the disk does not say otherwise; bytes. */
const PREFERRED_LENGTH = 4096;

export class NbdExport {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly writable: boolean;
  readonly bitmaps: ReadonlyMap<string, DirtyBitmap>;
  readonly edge: BlockEdge;
  readonly accounts = new NbdAccounts();
  readonly #clients = new Set<ExportClient>();
  readonly #left = new Signal();
  #hasLostPower = false;
  #closing: Promise<void> | undefined;

  /**
   * @throws {BlockError} `EPERM` for a writable export of a read-only disk, `EBUSY` when somebody
   *   excludes it, `EINVAL` for a name or a description that the protocol has no room for.
   */
  constructor(options: NbdExportOptions) {
    const { id, node, name = node.name, description = '', writable = false, bitmaps } = options;
    const { onPowerLoss = 'refuse' } = options;
    demandText('export name', name);
    demandText('description', description);
    if (writable && node.options.readOnly) {
      throw new BlockError('EPERM', `export "${node.name}"`, 'the disk is read-only');
    }
    this.id = id;
    this.name = name;
    this.description = description;
    this.writable = writable;
    this.bitmaps = bitmaps ?? new Map();
    const needs = writable ? WRITING : READING;
    const powerLost = onPowerLoss === 'serve' ? () => {} : () => this.#losePower();
    // Clients learn the size when they come.
    const use = { needs, shares: NOT_RESIZING };
    this.edge = new BlockEdge(node, { name: id, kind: 'export', ...use, powerLost });
  }

  /** Whether clients are refused, for what was acknowledged to them may be lost. */
  get hasLostPower(): boolean {
    return this.#hasLostPower;
  }

  get isShuttingDown(): boolean {
    return this.#closing !== undefined;
  }

  /** Whether somebody is connected to it. */
  get isInUse(): boolean {
    return this.#clients.size > 0;
  }

  /** Of {@link EXPORT_FLAG}. */
  flags({ structured }: ReplyStyle): number {
    const { HAS_FLAGS, SEND_FLUSH, SEND_FUA, SEND_CACHE, CAN_MULTI_CONN } = EXPORT_FLAG;
    const { READ_ONLY, SEND_TRIM, SEND_WRITE_ZEROES, SEND_FAST_ZERO, SEND_DF } = EXPORT_FLAG;
    const all = HAS_FLAGS | SEND_FLUSH | SEND_FUA | SEND_CACHE | CAN_MULTI_CONN;
    const use = this.writable ? SEND_TRIM | SEND_WRITE_ZEROES | SEND_FAST_ZERO : READ_ONLY;
    return all | use | (structured ? SEND_DF : 0);
  }

  get blockSizes(): BlockSizes {
    const { limits, clusterSize = PREFERRED_LENGTH } = this.edge.node;
    const preferred = Math.max(limits.alignment, Math.min(clusterSize, PAYLOAD_MAX));
    return { minimum: limits.alignment, preferred, maximum: PAYLOAD_MAX };
  }

  statistics(): NbdExportStatistics {
    return this.accounts.statistics();
  }

  admit(client: ExportClient): void {
    this.#clients.add(client);
    this.accounts.connect();
  }

  /** Of a client of which nothing is in flight any more. */
  leave(client: ExportClient): void {
    this.#clients.delete(client);
    this.accounts.disconnect();
    this.#left.notifyAll();
  }

  /** Ends all connections, waits for what is in flight, and leaves the disk. */
  close(): Promise<void> {
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  #losePower(): void {
    this.#hasLostPower = true;
    for (const client of this.#clients) client.stop();
  }

  async #shutDown(): Promise<void> {
    for (const client of this.#clients) client.stop();
    while (this.#clients.size > 0) await this.#left.wait();
    this.edge.close();
  }
}

function demandText(what: string, text: string): void {
  if (Buffer.byteLength(text) > TEXT_LENGTH_MAX) {
    throw new BlockError('EINVAL', 'export a disk', `${what} '${text}' too long`);
  }
  encodeText(text);
}
