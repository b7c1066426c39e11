/**
 * Comes to an agreement with a server: connects and shakes hands, once or until it works.
 *
 * The pauses between two attempts grow, so that a server that is gone for long is not bothered, and
 * one that comes back soon is found soon. (QEMU's are 1 s to 16 s.)
 */

import { BlockError } from '../../base/errors.ts';
import type { Env } from '../../env/env.ts';
import { connectTo } from '../../env/socket-texts.ts';
import { type Connection, describeAddress, type SocketAddress } from '../../env/sockets.ts';
import { Alarm } from '../../sync/alarm.ts';
import { Dialogue } from './dialogue.ts';
import { shakeHands, type Wishes } from './handshake.ts';
import { type Refusal, type Terms, whyUnusable } from './terms.ts';

/** How long one attempt may take. */
const ATTEMPT_MS = 30_000;
const PAUSE_FIRST_MS = 100;
const PAUSE_MAX_MS = 16_000;

/** Where to connect to, and what for. */
export interface ConnectorParts extends Wishes {
  readonly env: Env;
  readonly address: SocketAddress;
}

/** Says why terms will not do, beyond {@link whyUnusable}. */
export type Judge = (terms: Terms) => Refusal | undefined;

/** A connection whose handshake is done. */
export interface Agreement {
  readonly connection: Connection;
  readonly terms: Terms;
}

export class Connector {
  readonly #parts: ConnectorParts;
  readonly #alarm: Alarm;
  /** How long to wait before the next attempt. */
  #pauseMs = 0;
  #cancelled: BlockError | undefined;
  /** Breaks off the attempt that is under way. */
  #breakOff: ((error: BlockError) => void) | undefined;

  constructor(parts: ConnectorParts) {
    this.#parts = parts;
    this.#alarm = new Alarm(parts.env.clock);
  }

  /**
   * Tries until it works: at once, unless the last connection has not {@link Connector.proved}
   * good.
   *
   * @param failed Is told how each attempt failed.
   * @throws {BlockError} Only that of {@link Connector.cancel}.
   */
  async persist(judge: Judge, failed: (error: BlockError) => void): Promise<Agreement> {
    for (;;) {
      if (this.#pauseMs > 0) await this.#alarm.sleep(this.#pauseMs);
      this.#demandWanted();
      this.#pauseMs = Math.min(Math.max(PAUSE_FIRST_MS, 2 * this.#pauseMs), PAUSE_MAX_MS);
      try {
        return await this.attempt(judge);
      } catch (error) {
        if (!(error instanceof BlockError)) throw error;
        this.#demandWanted();
        failed(error);
      }
    }
  }

  /** The server has answered a request: should it be lost, it may be back at once. */
  proved(): void {
    this.#pauseMs = 0;
  }

  /**
   * Tries once.
   *
   * @throws {BlockError} What the system says, what {@link shakeHands} throws, `ETIMEDOUT`.
   */
  async attempt(judge: Judge): Promise<Agreement> {
    const { env, address } = this.#parts;
    const timer = env.clock.after(ATTEMPT_MS, () => {
      const action = `agree with the NBD server at "${describeAddress(address)}"`;
      const reason = `it does not answer within ${ATTEMPT_MS} ms`;
      this.#breakOff?.(new BlockError('ETIMEDOUT', action, reason));
    });
    try {
      return await this.#agree(await this.#connect(), judge);
    } finally {
      this.#breakOff = undefined;
      timer.cancel();
    }
  }

  /** Ends what is under way, which fails with the error, and what may come. */
  cancel(error: BlockError): void {
    this.#cancelled = error;
    this.#breakOff?.(error);
    this.#alarm.ring();
  }

  #connect(): Promise<Connection> {
    const { env, address } = this.#parts;
    return new Promise((resolve, reject) => {
      let isWanted = true;
      this.#breakOff = (error) => {
        isWanted = false;
        reject(error);
      };
      // Nothing can end the system's attempt: what comes of it when nobody waits is let go.
      void connectTo(address, () => env.sockets.connect(address, ATTEMPT_MS)).then((connection) => {
        if (isWanted) resolve(connection);
        else connection.destroy();
      }, reject);
    });
  }

  async #agree(connection: Connection, judge: Judge): Promise<Agreement> {
    const dialogue = new Dialogue(connection);
    this.#breakOff = (error) => dialogue.fail(error);
    try {
      this.#demandWanted();
      const terms = await shakeHands(dialogue, this.#parts);
      const refusal = whyUnusable(terms) ?? judge(terms);
      if (refusal) throw dialogue.refusal(refusal.code, refusal.reason);
      this.#demandWanted();
      return { connection: dialogue.finish(), terms };
    } catch (error) {
      if (!(error instanceof BlockError)) throw error;
      if (error.code === 'EPROTO') dialogue.fail(error);
      else dialogue.leave();
      throw error;
    }
  }

  #demandWanted(): void {
    if (this.#cancelled) throw this.#cancelled;
  }
}
