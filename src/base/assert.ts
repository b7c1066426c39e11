/** Statements about this program itself; one that fails is a defect here, never an I/O status. */

/**
 * Stops the program where it is wrong about itself.
 *
 * @param rule What must hold, as a sentence.
 * @throws {Error} When the condition does not hold.
 */
export function assert(condition: boolean, rule: string): asserts condition {
  if (!condition) throw new Error(`Assertion failed: ${rule}`);
}

/**
 * Ends a `switch` over a union: the compiler complains when a case is missing.
 *
 * @throws {Error} Always.
 */
export function unreachable(value: never): never {
  throw new Error(`Assertion failed: unexpected variant ${JSON.stringify(value)}`);
}
