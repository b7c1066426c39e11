/** The lines of `mirrordisk mirror --json`: what they must look like, and which events they are. */

import { expect } from 'vitest';

const info = ['type', 'device', 'len', 'offset', 'speed'];
const guest = ['writes', 'reads', 'errors', 'wrong-reads', 'iops', 'p50-ms', 'p99-ms'];
const progress = ['phase', 'offset', 'len', 'remaining', 'copy-rate', 'dirty-rate'];

/** The fields of each event's data, as QEMU's schema has them; those with a `?` may be missing. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  JOB_STATUS_CHANGE: ['id', 'status'],
  BLOCK_JOB_READY: info,
  BLOCK_JOB_COMPLETED: [...info, 'error?'],
  BLOCK_JOB_CANCELLED: info,
  BLOCK_JOB_PENDING: ['type', 'id'],
  BLOCK_JOB_ERROR: ['device', 'operation', 'action'],
  MIRROR_PROGRESS: [...progress, 'seconds-left', 'outlook', 'actively-synced', 'guest?'],
  MIRROR_SUMMARY: [
    'status',
    'switched?',
    'error?',
    'kept?',
    'resumed-bytes?',
    'offset?',
    'seconds-to-ready?',
    'guest?',
    'proof?',
    'not-compared?',
  ],
};

export interface JsonEvent {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** Of a change of status. */
  readonly reason?: string;
  readonly timestamp: { readonly seconds: number; readonly microseconds: number };
}

/** Reads the lines, and checks each of them and their order in time. */
export function readEvents(stdout: string): readonly JsonEvent[] {
  const events = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line): JsonEvent => JSON.parse(line));
  let lastTime = 0;
  for (const event of events) {
    const { reason, ...asQemu } = event;
    expect(Object.keys(asQemu).sort()).toEqual(['data', 'event', 'timestamp']);
    expect(typeof reason).toBe(event.event === 'JOB_STATUS_CHANGE' ? 'string' : 'undefined');
    const { seconds, microseconds } = event.timestamp;
    expect(Number.isInteger(seconds) && Number.isInteger(microseconds)).toBe(true);
    expect(microseconds).toBeLessThan(1_000_000);
    expect(seconds * 1e6 + microseconds).toBeGreaterThanOrEqual(lastTime);
    lastTime = seconds * 1e6 + microseconds;
    checkFields(event);
  }
  return events;
}

function checkFields({ event, data }: JsonEvent): void {
  const fields = FIELDS[event];
  expect(fields, `${event} is a known event`).toBeDefined();
  const demanded = fields?.filter((name) => !name.endsWith('?')) ?? [];
  const allowed = fields?.map((name) => name.replace('?', '')) ?? [];
  expect(Object.keys(data)).toEqual(expect.arrayContaining(demanded));
  expect(allowed).toEqual(expect.arrayContaining(Object.keys(data)));
  const statistics = data['guest'];
  if (statistics !== undefined) expect(Object.keys(Object(statistics))).toEqual(guest);
  for (const name of ['len', 'offset', 'remaining', 'copy-rate', 'dirty-rate', 'speed']) {
    if (!(name in data)) continue;
    expect(data[name], name).toBeGreaterThanOrEqual(0);
    expect(Number.isInteger(data[name]), name).toBe(true);
  }
}

/** The job's events as short words: its statuses as they are, others by name. */
export function wordsOf(events: readonly JsonEvent[]): readonly unknown[] {
  return events
    .filter(({ event }) => !event.startsWith('MIRROR_'))
    .map(({ event, data }) => (event === 'JOB_STATUS_CHANGE' ? data['status'] : event));
}
