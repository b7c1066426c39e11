/** What requests of a simulation end in when the power fails. */

/**
 * The power failed, or the simulation came to its end, and what was asked for will not be answered.
 *
 * A program under test sees it once, in what it was waiting for, so that it can come to an end. It
 * should let it pass, as it would not learn of a real power cut either.
 */
export class PowerCut extends Error {
  override readonly name = 'PowerCut';

  constructor(what: string) {
    super(`The power was cut: ${what} will not be answered`);
  }
}

/** How many causes are looked at. */
const CAUSES_MAX = 16;

/** Whether an error is a {@link PowerCut}, or comes of one. */
export function isPowerCut(error: unknown): boolean {
  return hasCause(error, (one) => one instanceof PowerCut);
}

/** Whether an error or one of its causes is the one in question. */
export function hasCause(error: unknown, isMeant: (error: unknown) => boolean): boolean {
  let one = error;
  for (let depth = 0; depth < CAUSES_MAX && one !== undefined; depth += 1) {
    if (isMeant(one)) return true;
    one = one instanceof Error ? one.cause : undefined;
  }
  return false;
}
