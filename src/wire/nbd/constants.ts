/**
 * The numbers of the NBD protocol, each group with its section of the specification
 * (`doc/proto.md` of NetworkBlockDevice/nbd). 64-bit magic numbers are in two halves.
 */

/** "Newstyle negotiation": what a server begins with, and each option. */
export const NBD_MAGIC = { high: 0x4e42_444d, low: 0x4147_4943 } as const;
export const OPTION_MAGIC = { high: 0x4948_4156, low: 0x454f_5054 } as const;
/** "Oldstyle negotiation": stands where newer servers have {@link OPTION_MAGIC}. */
export const OLDSTYLE_MAGIC = { high: 0x0000_4202, low: 0x8186_1253 } as const;
/** "Fixed newstyle negotiation": what a reply to an option begins with. */
export const OPTION_REPLY_MAGIC = { high: 0x0003_e889, low: 0x0455_65a9 } as const;

/** "Transmission phase": what requests and replies begin with. */
export const REQUEST_MAGIC = 0x2560_9513;
export const EXTENDED_REQUEST_MAGIC = 0x21e4_1c71;
export const SIMPLE_REPLY_MAGIC = 0x6744_6698;
export const STRUCTURED_REPLY_MAGIC = 0x668e_33ef;
export const EXTENDED_REPLY_MAGIC = 0x6e8a_278c;

/** "Handshake flags", of the server. "Client flags" have the same bits. */
export const HANDSHAKE_FLAG = { FIXED_NEWSTYLE: 1, NO_ZEROES: 2 } as const;

/** "Transmission flags". */
export const EXPORT_FLAG = {
  HAS_FLAGS: 1,
  READ_ONLY: 2,
  SEND_FLUSH: 4,
  SEND_FUA: 8,
  ROTATIONAL: 16,
  SEND_TRIM: 32,
  SEND_WRITE_ZEROES: 64,
  SEND_DF: 128,
  CAN_MULTI_CONN: 256,
  SEND_RESIZE: 512,
  SEND_CACHE: 1024,
  SEND_FAST_ZERO: 2048,
  BLOCK_STATUS_PAYLOAD: 4096,
} as const;

/** "Option types". */
export const OPTION = {
  EXPORT_NAME: 1,
  ABORT: 2,
  LIST: 3,
  STARTTLS: 5,
  INFO: 6,
  GO: 7,
  STRUCTURED_REPLY: 8,
  LIST_META_CONTEXT: 9,
  SET_META_CONTEXT: 10,
  EXTENDED_HEADERS: 11,
} as const;

/** "Option reply types"; errors have the highest bit. */
export const OPTION_REPLY = {
  ACK: 1,
  SERVER: 2,
  INFO: 3,
  META_CONTEXT: 4,
  ERR_UNSUP: 0x8000_0001,
  ERR_POLICY: 0x8000_0002,
  ERR_INVALID: 0x8000_0003,
  ERR_PLATFORM: 0x8000_0004,
  ERR_TLS_REQD: 0x8000_0005,
  ERR_UNKNOWN: 0x8000_0006,
  ERR_SHUTDOWN: 0x8000_0007,
  ERR_BLOCK_SIZE_REQD: 0x8000_0008,
  ERR_TOO_BIG: 0x8000_0009,
  ERR_EXT_HEADER_REQD: 0x8000_000a,
} as const;

/** "NBD_INFO": what INFO and GO tell of an export. */
export const INFO = { EXPORT: 0, NAME: 1, DESCRIPTION: 2, BLOCK_SIZE: 3 } as const;

/** "Request types". */
export const COMMAND = {
  READ: 0,
  WRITE: 1,
  DISC: 2,
  FLUSH: 3,
  TRIM: 4,
  CACHE: 5,
  WRITE_ZEROES: 6,
  BLOCK_STATUS: 7,
} as const;

/** "Command flags". */
export const COMMAND_FLAG = {
  FUA: 1,
  NO_HOLE: 2,
  DF: 4,
  REQ_ONE: 8,
  FAST_ZERO: 16,
  PAYLOAD_LEN: 32,
} as const;

/** "Structured reply flags". */
export const REPLY_FLAG = { DONE: 1 } as const;

/** "Structured reply types"; errors have the bit of 0x8000. */
export const REPLY_TYPE = {
  NONE: 0,
  OFFSET_DATA: 1,
  OFFSET_HOLE: 2,
  BLOCK_STATUS: 5,
  BLOCK_STATUS_EXT: 6,
  ERROR: 0x8001,
  ERROR_OFFSET: 0x8002,
} as const;

export const REPLY_TYPE_ERROR_BIT = 0x8000;

/** "Error values". */
export const NBD_ERROR = {
  EPERM: 1,
  EIO: 5,
  ENOMEM: 12,
  EINVAL: 22,
  ENOSPC: 28,
  EOVERFLOW: 75,
  ENOTSUP: 95,
  ESHUTDOWN: 108,
} as const;

/** "Metadata contexts": the one that every server with block status has, and its bits. */
export const ALLOCATION_CONTEXT = 'base:allocation';
export const ALLOCATION = { HOLE: 1, ZERO: 2 } as const;
/** QEMU's `docs/interop/nbd.rst`: the dirty bits of a bitmap, which is named after this. */
export const DIRTY_BITMAP_PREFIX = 'qemu:dirty-bitmap:';
export const DIRTY = 1;

/** "Values": the longest name, query or other text, in bytes of UTF-8. */
export const TEXT_LENGTH_MAX = 4096;

/** "Block size constraints": what a client may use that was told nothing. */
export const DEFAULT_BLOCK_SIZES = { minimum: 1, preferred: 4096, maximum: 0x200_0000 } as const;

/** The longest count of bytes in a request without extended headers. */
export const REQUEST_LENGTH_MAX = 0xffff_ffff;

/** "Security considerations": the port that IANA has assigned. */
export const NBD_PORT = 10_809;
