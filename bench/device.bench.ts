/**
 * What a request costs from the guest's call to its callback: 4 KiB random reads.
 *
 * Ours is the whole way, accounts included, to a memory disk with something in every block. The
 * peer is `qemu-img bench` on `null-co`, QEMU's driver that does nothing: its figure has neither a
 * device nor a copy in it, and QEMU's threads share one processor as ours do. Ours copies 4 KiB,
 * and the time of that is the memory's, not the program's: so the comparison is made with a disk
 * that fits a core's cache, and then with one that does not.
 *
 * Then what it buys that a disk may complete at once: the same disk with every answer as a promise.
 * And how much of the time is not the device's: the same reads from the node itself.
 */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { assert } from '../src/base/assert.ts';
import { seededRandom } from '../src/base/random.ts';
import type { BlockDriver } from '../src/block/driver.ts';
import { BlockEdge } from '../src/block/edge.ts';
import { BlockGraph } from '../src/block/graph.ts';
import { BlockNode } from '../src/block/node.ts';
import { STATUS } from '../src/device/request.ts';
import { VirtioBlockDevice } from '../src/device/virtio-blk.ts';
import { drivers } from '../src/drivers/index.ts';
import { nodeEnv } from '../src/env/node.ts';
import { comparePairs, formatSpread, spreadOf } from './pairs.ts';

const MiB = 1024 * 1024;
const DISK_SIZES = [4 * MiB, 64 * MiB];
const BLOCK_SIZE = 4096;
const SECTORS_PER_BLOCK = BLOCK_SIZE / 512;
const REQUESTS = 1_000_000;
const ROUNDS = 7;
const DEPTHS = [1, 64];
const PEER = 'qemu-img';
const PEER_OPTIONS = ['-s', String(BLOCK_SIZE), '--image-opts', 'driver=null-co,size=1G'];

const env = nodeEnv();

export const bench = {
  name: 'device',
  summary: '4 KiB random reads through the device, ns per request',

  async run(report: (line: string) => void): Promise<void> {
    const hasPeer = await isInstalled();
    if (!hasPeer) report(`${PEER} is not installed: no peer to compare with`);
    for (const size of DISK_SIZES) {
      report(`a disk of ${size / MiB} MiB:`);
      const disk = await filledDisk(size);
      const later = new BlockNode({ ...disk.options, name: 'later' }, promising(disk));
      for (const depth of DEPTHS) {
        await nsPerRequest(disk, depth);
        if (hasPeer) await comparePeer(disk, depth, report);
        await compareCompletion({ disk, later }, depth, report);
      }
      const direct = await repeated(async () => nsPerDirectRead(disk));
      report(`  the node alone, read by read: ${formatSpread(direct)} ns`);
    }
  },
};

async function comparePeer(disk: BlockNode, depth: number, report: (line: string) => void) {
  const { ours, theirs, ratio } = await comparePairs({
    rounds: ROUNDS,
    ours: () => nsPerRequest(disk, depth),
    theirs: () => peerNsPerRequest(depth),
  });
  const figures = `ours ${formatSpread(ours)} ns, ${PEER} bench ${formatSpread(theirs)} ns`;
  report(`  depth ${depth}: ${figures}: ${(1 / ratio.median).toFixed(2)} times`);
}

async function compareCompletion(
  { disk, later }: { readonly disk: BlockNode; readonly later: BlockNode },
  depth: number,
  report: (line: string) => void,
) {
  await nsPerRequest(later, depth);
  const { ours, theirs, ratio } = await comparePairs({
    rounds: ROUNDS,
    ours: () => nsPerRequest(disk, depth),
    theirs: () => nsPerRequest(later, depth),
  });
  const figures = `at once ${formatSpread(ours)} ns, by promises ${formatSpread(theirs)} ns`;
  report(`  depth ${depth}: ${figures}: ${(1 / ratio.median).toFixed(2)} times`);
}

async function filledDisk(size: number): Promise<BlockNode> {
  const graph = new BlockGraph(env, drivers);
  const node = await graph.open({ driver: 'memory', 'node-name': 'memory', size });
  const bytes = new Uint8Array(BLOCK_SIZE);
  const random = seededRandom(1);
  for (let offset = 0; offset < size; offset += BLOCK_SIZE) {
    random.fill(bytes);
    await node.write(offset, bytes);
  }
  return node;
}

/** The same disk, but every read is answered by a promise. */
function promising(disk: BlockNode): BlockDriver {
  return {
    limits: disk.limits,
    supports: { forceUnitAccess: true },
    children: [],
    size: () => disk.size,
    read: async (offset, into) => disk.read(offset, into),
    write: async (offset, from, options) => disk.write(offset, from, options),
    flush: async () => disk.flush(),
    close: async () => {},
  };
}

/** A guest that always has `depth` requests in flight, each with a buffer of its own. */
async function nsPerRequest(node: BlockNode, depth: number): Promise<number> {
  const edge = new BlockEdge(node, { name: 'bench' });
  const device = new VirtioBlockDevice(edge, env.clock, { name: 'bench' });
  const random = seededRandom(depth);
  const blocks = node.size / BLOCK_SIZE;
  const start = performance.now();
  await new Promise<void>((resolve) => {
    let [submitted, completed] = [0, 0];
    for (let lane = 0; lane < depth; lane += 1) {
      const request = { type: 'in' as const, sector: 0, data: new Uint8Array(BLOCK_SIZE) };
      const submit = () => {
        submitted += 1;
        request.sector = random.below(blocks) * SECTORS_PER_BLOCK;
        device.submit(request, complete);
      };
      const complete = (status: number) => {
        assert(status === STATUS.OK, 'a memory disk does not fail');
        completed += 1;
        if (submitted < REQUESTS) submit();
        else if (completed === REQUESTS) resolve();
      };
      submit();
    }
  });
  const elapsedMs = performance.now() - start;
  assert(device.statistics().all.requests === REQUESTS, 'every request is accounted');
  await device.close();
  return nsEach(elapsedMs);
}

function nsPerDirectRead(node: BlockNode): number {
  const random = seededRandom(1);
  const blocks = node.size / BLOCK_SIZE;
  const into = new Uint8Array(BLOCK_SIZE);
  const start = performance.now();
  for (let count = 0; count < REQUESTS; count += 1) {
    const pending = node.read(random.below(blocks) * BLOCK_SIZE, into);
    assert(pending === undefined, 'a memory disk completes at once');
  }
  return nsEach(performance.now() - start);
}

async function peerNsPerRequest(depth: number): Promise<number> {
  const args = ['bench', '-c', String(REQUESTS), '-d', String(depth), ...PEER_OPTIONS];
  const { stdout } = await promisify(execFile)(PEER, args);
  const seconds = Number(/in ([0-9.]+) seconds/.exec(stdout)?.[1]);
  assert(seconds > 0, 'qemu-img bench says how long it took');
  return nsEach(seconds * 1000);
}

async function repeated(measure: () => Promise<number>) {
  const figures: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) figures.push(await measure());
  return spreadOf(figures);
}

function nsEach(elapsedMs: number): number {
  return (elapsedMs * 1_000_000) / REQUESTS;
}

async function isInstalled(): Promise<boolean> {
  try {
    await promisify(execFile)(PEER, ['--version']);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}
