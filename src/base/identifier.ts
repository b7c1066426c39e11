/** What users may call a thing: QEMU's rule for the ids of jobs, objects, devices and nodes. */

import { BlockError } from './errors.ts';

/** Whether a text is a letter, and then letters, digits, `-`, `.` and `_`. */
export function isIdentifier(text: string): boolean {
  return /^[A-Za-z][\w.-]*$/.test(text);
}

/**
 * @param action What it is for, as in {@link BlockError}.
 * @throws {BlockError} `EINVAL` for an id that is none; with QEMU's advice as `hint`.
 */
export function demandIdentifier(id: string, action: string): void {
  if (isIdentifier(id)) return;
  const hint = "Identifiers consist of letters, digits, '-', '.', '_', starting with a letter.";
  throw new BlockError('EINVAL', action, "Parameter 'id' expects an identifier", { hint });
}
