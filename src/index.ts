/**
 * The library: a virtual disk, and a live mirror of it.
 *
 * @example
 * ```ts
 * import { openDisk } from 'mirrordisk';
 *
 * const disk = await openDisk('disk.img');
 * const mirror = await disk.mirror('copy.img');
 * await disk.write(0, new Uint8Array(4096).fill(1)); // the guest goes on meanwhile
 * await mirror.ready;
 * await mirror.complete(); // from here on the guest is on copy.img
 * await disk.close();
 * ```
 */

export { BlockError, type BlockErrorCode } from './base/errors.ts';
export type { BlockdevOptions } from './block/options.ts';
export type {
  DeviceStatistics,
  LatencyStatistics,
  OperationStatistics,
  QueueStatistics,
} from './device/accounting.ts';
export type { GuestRequest, Segment, Status } from './device/request.ts';
export type { VirtioBlockDevice } from './device/virtio-blk.ts';
export type { Clock, Env, Timer } from './env/env.ts';
export type { SocketAddress, TlsCredentials } from './env/sockets.ts';
export type { NbdServerTls } from './exports/nbd/handshake.ts';
export type { NbdLimits } from './exports/nbd/limits.ts';
export type { NbdExportStatistics } from './exports/nbd/statistics.ts';
export type { BlockJobInfo, JobEvent, JobProgress, JobState } from './jobs/events.ts';
export type { Job } from './jobs/job.ts';
export type { MirrorProgress } from './jobs/mirror/mirror.ts';
export type { CopyMode, MirrorOptions } from './jobs/mirror/options.ts';
export type { MirrorRates, Outlook } from './jobs/mirror/rates.ts';
export type { JobStatus } from './jobs/states.ts';
export { createMachine, type MachineSettings } from './machine/create-machine.ts';
export { type Disk, type DiskMirrorOptions, type DiskOptions, openDisk } from './machine/disk.ts';
export type { Machine, MachineEvent } from './machine/machine.ts';
export type { Mirror, MirrorOutcome } from './machine/mirror.ts';
export type { DiskServeOptions, ServedDisk } from './machine/served-disk.ts';
