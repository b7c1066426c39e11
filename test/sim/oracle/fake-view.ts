/** A world as a rule sees it, in the hands of the test. */

import { DirtyBitmap } from '../../../src/bitmap/dirty-bitmap.ts';
import { SimDisk } from '../../../src/sim/disk.ts';
import type { GuestRecord } from '../../../src/sim/guest.ts';
import type { MirrorView } from '../../../src/sim/mirror-view.ts';
import type { OracleView, Rule, RuleFactory } from '../../../src/sim/oracle/rule.ts';
import type { Violation } from '../../../src/sim/oracle/violation.ts';
import { type GuestStep, type ScenarioParts, scenario, sizeOf } from '../../../src/sim/scenario.ts';
import { type DiskCall, type DiskName, Passage, Turnstile } from '../../../src/sim/turnstile.ts';

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

export class FakeView implements OracleView {
  readonly scenario;
  readonly source: SimDisk;
  readonly target: SimDisk;
  readonly guest = {
    records: [] as GuestRecord[],
    get unfinished(): readonly GuestRecord[] {
      return this.records.filter(({ ended }) => ended === Number.POSITIVE_INFINITY);
    },
  };
  readonly held: Passage[] = [];
  readonly accepted: OracleView['accepted'][number][] = [];
  readonly dirty: DirtyBitmap;
  readonly violations: Omit<Violation, 'step'>[] = [];
  readonly mirror: Writable<MirrorView>;
  guestDisk: DiskName = 'source';
  /** What its clock says. */
  nowMs = 0;
  readonly clock = { nowMs: () => this.nowMs };
  claimed = false;
  activelySynced = false;
  #ids = 0;

  constructor(parts: ScenarioParts = {}) {
    this.scenario = scenario(parts);
    const size = sizeOf(this.scenario);
    const watcher = { arrived: () => {}, tookEffect: () => {}, answered: () => {} };
    const turnstile = new Turnstile(watcher);
    const shape = { stages: 2 } as const;
    const rest = { size, shape, turnstile, keepsDurable: false };
    this.source = new SimDisk({ name: 'source', ...rest });
    this.target = new SimDisk({ name: 'target', ...rest });
    this.target.bytes.set(this.source.bytes);
    this.dirty = new DirtyBitmap(size, 512);
    this.mirror = {
      status: 'running',
      progress: { offset: 0, len: 0 },
      ending: undefined,
      defect: undefined,
      inspect: () => ({
        dirty: this.dirty,
        isClaimed: () => this.claimed,
        activelySynced: this.activelySynced,
        isActive: false,
        mirroring: 0,
      }),
      say: () => undefined,
    };
  }

  report(violation: Omit<Violation, 'step'>): void {
    this.violations.push(violation);
  }

  /** What was reported, by the names of what was broken. */
  get broken(): readonly string[] {
    return this.violations.map(({ invariant }) => invariant);
  }

  /** A rule that reports here. */
  rule(make: RuleFactory): Rule {
    return make(this);
  }

  /** A request at a disk. */
  passage(call: Partial<DiskCall>): Passage {
    this.#ids += 1;
    const whole = { disk: 'source', operation: 'read', offset: 0, length: 512, origin: 'job' };
    const made = { ...whole, ...call } as DiskCall;
    const turnstile = new Turnstile({ arrived() {}, tookEffect() {}, answered() {} });
    const parts = { id: this.#ids, call: made, label: `${made.disk} ${made.operation}` };
    return new Passage(turnstile, parts, { effect: () => undefined }, NOBODY);
  }

  /** A request of the guest that began at one moment and ended at another. */
  record(step: Partial<GuestStep>, began: number, ended = Number.POSITIVE_INFINITY): GuestRecord {
    const record: GuestRecord = {
      index: this.guest.records.length,
      step: { type: 'write', sector: 0, sectors: 1, ...step },
      began,
      ended,
      ok: ended !== Number.POSITIVE_INFINITY,
      stamps: [],
    };
    this.guest.records.push(record);
    return record;
  }
}

const NOBODY = { resolve: () => {}, reject: () => {} };
