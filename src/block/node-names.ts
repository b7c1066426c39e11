/** The names of the nodes of a graph: which there can be, which are taken, which comes next. */

import { BlockError } from '../base/errors.ts';
import { isIdentifier } from '../base/identifier.ts';

/** QEMU's number. */
const NAME_LENGTH_MAX = 31;

export class NodeNames {
  #isDevice: (name: string) => boolean = () => false;
  readonly #isOpen: (name: string) => boolean;
  /** Names of nodes that are being opened or closed. */
  readonly #reserved = new Set<string>();
  #count = 0;

  /** @param isOpen Whether there is a node of that name. */
  constructor(isOpen: (name: string) => boolean) {
    this.#isOpen = isOpen;
  }

  /** @param isDevice Whether a device has that name: both share one space of names. */
  shareWith(isDevice: (name: string) => boolean): void {
    this.#isDevice = isDevice;
  }

  /** @throws {BlockError} `EINVAL` for what is no name of a node, or is in use. */
  demand(name: string): void {
    if (!isIdentifier(name)) throw refuse(`Invalid node-name: '${name}'`);
    if (this.#isDevice(name)) throw refuse(`node-name=${name} is conflicting with a device id`);
    if (this.#isOpen(name) || this.#reserved.has(name)) {
      throw refuse(`Duplicate nodes with node-name='${name}'`);
    }
    if (name.length > NAME_LENGTH_MAX) throw refuse('Node name too long');
  }

  /**
   * The name of a node that was given none; no user can give such a one. As in QEMU it has three
   * digits or more, by which scripts tell it.
   */
  next(): string {
    this.#count += 1;
    return `#block${String(this.#count).padStart(3, '0')}`;
  }

  /** Keeps a name from others while its node is not there yet, or not gone yet. */
  reserve(name: string): void {
    this.#reserved.add(name);
  }

  release(name: string): void {
    this.#reserved.delete(name);
  }
}

function refuse(reason: string): BlockError {
  return new BlockError('EINVAL', 'open the node', reason);
}
