/** A device on a test disk, and guests for it. */

import { BlockEdge } from '../../src/block/edge.ts';
import type { NodeOptions } from '../../src/block/options.ts';
import type { VirtioBlockOptions } from '../../src/device/options.ts';
import type { GuestRequest, Status } from '../../src/device/request.ts';
import { VirtioBlockDevice } from '../../src/device/virtio-blk.ts';
import { nodeOf, TestDisk } from './drivers.ts';
import { FakeClock } from './fake-clock.ts';

/** Bytes of the disk, unless the test brings its own. */
export const DISK_SIZE = 1024 * 1024;

export function deviceRig(
  options: Partial<VirtioBlockOptions> = {},
  node: Partial<NodeOptions> = {},
  disk: TestDisk = new TestDisk({ size: DISK_SIZE }),
) {
  const clock = new FakeClock();
  const below = nodeOf(disk, node);
  const edge = new BlockEdge(below, { name: 'vda' });
  const device = new VirtioBlockDevice(edge, clock, { name: 'vda', ...options });
  return { clock, disk, node: below, edge, device, gate: disk.gate };
}

export function read(sector = 0, length = 512) {
  return { type: 'in', sector, data: new Uint8Array(length) } as const;
}

export function write(sector: number, data: Uint8Array) {
  return { type: 'out', sector, data } as const;
}

/** Submits, and collects the statuses as they come. */
export function submitting(device: VirtioBlockDevice, ...requests: GuestRequest[]) {
  const statuses: Status[] = [];
  const accepted = requests.map((request) =>
    device.submit(request, (status) => statuses.push(status)),
  );
  return { statuses, accepted };
}

/** Yields one answer for each of the requests, however long that takes. */
export function together(
  device: VirtioBlockDevice,
  requests: readonly GuestRequest[],
): Promise<Status[]> {
  return Promise.all(requests.map((request) => device.request(request)));
}

/** A guest that asks again whenever it is answered, until `count` answers have come. */
export function askAgain(device: VirtioBlockDevice, request: GuestRequest, count: number) {
  const guest = { answers: 0, nestingMax: 0 };
  let nesting = 0;
  const complete = () => {
    guest.answers += 1;
    nesting += 1;
    guest.nestingMax = Math.max(guest.nestingMax, nesting);
    if (guest.answers < count) device.submit(request, complete);
    nesting -= 1;
  };
  device.submit(request, complete);
  return guest;
}
