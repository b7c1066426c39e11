/** What is told of nodes, named and shaped as QEMU's QMP events. */

/** A write is about to reach beyond the mark that was set for its node. */
export interface BlockEvent {
  readonly event: 'BLOCK_WRITE_THRESHOLD';
  readonly data: {
    readonly 'node-name': string;
    /** By how many bytes. */
    readonly 'amount-exceeded': number;
    /** The mark, in bytes from the beginning of the disk. */
    readonly 'write-threshold': number;
  };
}
