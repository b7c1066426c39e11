/**
 * What a guest may ask of its disk: the requests of a virtio block device, as values.
 *
 * Virtio 1.2, section 5.2.6 ("Device Operation"). A request here is the descriptor chain of the
 * specification with the wire taken off: `type` and `sector` from the header, `data` in one piece,
 * the segments of a discard decoded. The status byte is what the completion callback is given.
 */

/** Bytes in a sector, whatever the block size of the disk (5.2.5, item 2). */
export const SECTOR_SIZE = 512;

/** Bytes in the device ID string (5.2.6). */
export const ID_LENGTH = 20;

/** The status byte (VIRTIO_BLK_S_..., 5.2.6): done, failed, or not something this device does. */
export const STATUS = { OK: 0, IOERR: 1, UNSUPP: 2 } as const;

export type Status = (typeof STATUS)[keyof typeof STATUS];

/** A range of a discard or write zeroes request: struct virtio_blk_discard_write_zeroes. */
export interface Segment {
  /** First sector. */
  readonly sector: number;
  /** How many sectors. */
  readonly sectors: number;
  /** The range may be deallocated as long as it reads as zeroes; not for discards. */
  readonly unmap: boolean;
  /** The other 31 bits of the flags, which must be 0. */
  readonly reserved?: number;
}

/** Reads sectors into `data` (VIRTIO_BLK_T_IN). */
export interface InRequest {
  readonly type: 'in';
  /** First sector. */
  readonly sector: number;
  /** Filled in place; its length is a multiple of 512. */
  readonly data: Uint8Array;
}

/** Writes `data` to sectors (VIRTIO_BLK_T_OUT). */
export interface OutRequest {
  readonly type: 'out';
  /** First sector. */
  readonly sector: number;
  /** Read in place, so it must not change before the request completes; a multiple of 512 long. */
  readonly data: Uint8Array;
}

/** Makes durable every write that completed before (VIRTIO_BLK_T_FLUSH). */
export interface FlushRequest {
  readonly type: 'flush';
}

/** Says that nobody needs some sectors any more (VIRTIO_BLK_T_DISCARD). */
export interface DiscardRequest {
  readonly type: 'discard';
  readonly segments: readonly Segment[];
}

/** Makes sectors read as zeroes (VIRTIO_BLK_T_WRITE_ZEROES). */
export interface WriteZeroesRequest {
  readonly type: 'writeZeroes';
  readonly segments: readonly Segment[];
}

/** Asks for the serial number (VIRTIO_BLK_T_GET_ID). */
export interface GetIdRequest {
  readonly type: 'getId';
  /** 20 bytes, filled in place: the serial number, padded with NUL where it is shorter. */
  readonly data: Uint8Array;
}

export type GuestRequest =
  | InRequest
  | OutRequest
  | FlushRequest
  | DiscardRequest
  | WriteZeroesRequest
  | GetIdRequest;

export type GuestRequestType = GuestRequest['type'];

/**
 * Called once when a request has completed; perhaps before the call that submitted it returns.
 *
 * @param nowMs The moment of the completion on the device's clock.
 */
export type Complete = (status: Status, nowMs: number) => void;

/** How many bytes a request moves or names. */
export function lengthOf(request: GuestRequest): number {
  switch (request.type) {
    case 'in':
    case 'out':
      return request.data.length;
    case 'discard':
    case 'writeZeroes':
      return request.segments.reduce((sum, { sectors }) => sum + sectors * SECTOR_SIZE, 0);
    default:
      return 0;
  }
}
