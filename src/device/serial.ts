/** The serial number of a disk, as the guest gets it (virtio 1.2, section 5.2.6). */

import { ID_LENGTH } from './request.ts';

/**
 * @param serial Up to 20 characters of ASCII.
 * @returns 20 bytes: the characters, padded with NUL.
 * @throws {RangeError} When it is longer or has other characters.
 */
export function encodeSerial(serial: string): Uint8Array {
  if (serial.length > ID_LENGTH || !/^[\x20-\x7e]*$/.test(serial)) {
    const rule = `the serial number must be ASCII, up to ${ID_LENGTH} characters`;
    throw new RangeError(`Cannot make a device: ${rule}: "${serial}"`);
  }
  return Uint8Array.from({ length: ID_LENGTH }, (_, index) =>
    index < serial.length ? serial.charCodeAt(index) : 0,
  );
}
