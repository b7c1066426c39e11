/**
 * What the job was told and has told, as far as that is not forgotten.
 *
 * - Of its news, each kind counts once.
 * - While it makes its plan, and once it goes on after an error, what it is told and tells keeps
 *   its order: it goes through extents one by one then, or decides by which came first, an error or
 *   a success, whether and how long it waits. One that fails or is given up decides nothing more.
 * - Which of the guest's requests began without a mirror; and which of those under way began when
 *   the mirror sent such to both disks, for they go there to their end.
 * - Where there is a speed limit, how much was moved.
 * - When time passes all that can be seen is remembered for ever, for the job measures its rates by
 *   how far it was then.
 */

import { addDisk, Digest } from '../fingerprint.ts';
import type { GuestRecord } from '../guest.ts';
import type { JobNews } from '../mirror-view.ts';
import { type OracleView, PlanWatch } from '../oracle/rule.ts';
import type { DiskName, Passage } from '../turnstile.ts';
import { isCopyRead, summary } from './places.ts';

export class Told {
  readonly #view: OracleView;
  readonly #plan = new PlanWatch();
  /** By kind: what there was beside it. */
  readonly #news = new Map<string, number>();
  /** The disks of which a request has failed, of whomever. */
  readonly #failedDisks = new Set<DiskName>();
  readonly #beforeMirror = new Set<GuestRecord>();
  readonly #toBoth = new Set<GuestRecord>();
  readonly #isLimited: boolean;
  /** It goes on after an error. */
  #goesOn = false;
  /** It has failed at something since it last brought something about. */
  #isFailing = false;
  #inOrder = 0;
  #moved = 0;
  #times = 0;

  constructor(view: OracleView) {
    this.#view = view;
    const { mirror, verbs } = view.scenario;
    const { speed = 0 } = mirror;
    this.#isLimited = speed > 0 || verbs.some(({ verb }) => verb === 'set-speed');
  }

  /** Whether a request has failed. */
  get isDisturbed(): boolean {
    return this.#failedDisks.size > 0;
  }

  heard(news: JobNews): void {
    const { name, status = '', operation = '', action = '', error } = news;
    const { guest, accepted, target } = this.#view;
    const beside = new Digest();
    if (name === 'BLOCK_JOB_ERROR') beside.add(guest.records.length).add(accepted.length);
    if (status === 'pending') addDisk(beside, target);
    const outcome = error === undefined ? 'well' : 'with an error';
    const kind = `${name} ${status} ${operation} ${action} ${outcome}`;
    this.#news.set(kind, beside.value);
    this.#goesOn ||= name === 'BLOCK_JOB_ERROR' && action !== 'report';
    if (this.#goesOn) this.#remember(new Digest().addText(kind).value);
    if (status !== '') this.#isFailing = false;
    this.#plan.heard(news);
  }

  arrived(passage: Passage): void {
    const { call } = passage;
    if (isCopyRead(passage) && !this.#plan.isMade && !this.#goesOn) this.#inOrder = 0;
    if (call.origin !== 'guest') this.#moved += call.length;
    this.#plan.arrived(passage);
  }

  answered(passage: Passage): void {
    const { call, error } = passage;
    if (error) this.#failedDisks.add(call.disk);
    if (call.origin === 'guest') return;
    const isCopied = call.disk === 'target' && call.operation !== 'flush';
    if (error || isCopied) this.#isFailing = error !== undefined;
    if (!this.#plan.isMade || this.#goesOn) this.#remember(summary(passage));
  }

  submitted(record: GuestRecord): void {
    const { mirror } = this.#view;
    if (!mirror) this.#beforeMirror.add(record);
    else if (mirror.inspect().isActive) this.#toBoth.add(record);
  }

  /** @param state The state until now. */
  timePasses(state: number): void {
    this.#times = new Digest().add(this.#times).add(state).value;
  }

  addTo(digest: Digest): void {
    digest
      .add(this.#plan.isMade ? 1 : 0)
      .add(this.#inOrder)
      .add(this.#times);
    digest.add(this.#isLimited ? this.#moved : 0).add(this.#isFailing ? 1 : 0);
    for (const disk of ['source', 'target'] as const) {
      digest.add(this.#failedDisks.has(disk) ? 1 : 0);
    }
    this.#addNews(digest);
    const { records, unfinished } = this.#view.guest;
    for (const record of records) digest.add(this.#beforeMirror.has(record) ? 1 : 0);
    for (const record of unfinished) digest.add(this.#toBoth.has(record) ? 1 : 0);
  }

  /** What the job has told and was asked for, as one number. */
  get situation(): number {
    const digest = new Digest().add(this.#view.accepted.length).add(this.#isFailing ? 1 : 0);
    this.#addNews(digest);
    return digest.value;
  }

  #addNews(digest: Digest): void {
    for (const kind of [...this.#news.keys()].sort()) {
      digest.addText(kind).add(this.#news.get(kind) ?? 0);
    }
  }

  #remember(what: number): void {
    this.#inOrder = new Digest().add(this.#inOrder).add(what).value;
  }
}
