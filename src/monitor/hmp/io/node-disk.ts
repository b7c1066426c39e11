/** A node as commands of qemu-io use it, which no drive is on. */

import { BlockEdge } from '../../../block/edge.ts';
import type { BlockNode } from '../../../block/node.ts';
import type { Permission } from '../../../block/parent.ts';
import { demandCompatible } from '../../../block/permissions.ts';
import type { IoDisk } from './command.ts';

export class NodeDisk implements IoDisk {
  readonly edge: BlockEdge;
  #needs: readonly Permission[] = [];

  constructor(node: BlockNode) {
    const needs = () => this.#needs;
    this.edge = new BlockEdge(node, {
      name: '',
      kind: 'device',
      get needs() {
        return needs();
      },
    });
  }

  /** Sees to it that the disk may be used so. @throws {BlockError} `EBUSY` when others object. */
  demand(needs: readonly Permission[]): void {
    this.#needs = needs;
    demandCompatible(this.edge.node);
  }
}
