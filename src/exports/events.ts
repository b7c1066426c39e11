/** What exports tell, named and shaped as QEMU's QMP events; the time stamp is added above. */

export type ExportEvent = {
  /** The export is gone, and all of its clients are. */
  readonly event: 'BLOCK_EXPORT_DELETED';
  readonly data: { readonly id: string };
};
