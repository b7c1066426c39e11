/**
 * Formats of images by how they begin, as far as QEMU 7.2 knows them.
 *
 * A raw image may begin with anything, so what is none of these is taken for one. That is a guess:
 * a guest that may write there could make its disk look like another format the next time.
 */

interface Signature {
  readonly format: string;
  readonly offset: number;
  /** As characters of Latin 1. */
  readonly text: string;
}

const SIGNATURES: readonly Signature[] = [
  { format: 'qcow', offset: 0, text: 'QFI\xfb\0\0\0\x01' },
  { format: 'qcow2', offset: 0, text: 'QFI\xfb\0\0\0\x02' },
  { format: 'qcow2', offset: 0, text: 'QFI\xfb\0\0\0\x03' },
  { format: 'qed', offset: 0, text: 'QED\0' },
  { format: 'luks', offset: 0, text: 'LUKS\xba\xbe' },
  { format: 'vmdk', offset: 0, text: 'KDMV' },
  { format: 'vmdk', offset: 0, text: 'COWD' },
  { format: 'vdi', offset: 0x40, text: '\x7f\x10\xda\xbe' },
  { format: 'vhdx', offset: 0, text: 'vhdxfile' },
  { format: 'vpc', offset: 0, text: 'conectix' },
  { format: 'parallels', offset: 0, text: 'WithoutFreeSpace' },
  { format: 'parallels', offset: 0, text: 'WithouFreSpacExt' },
  { format: 'bochs', offset: 0, text: 'Bochs Virtual HD Image' },
  { format: 'cloop', offset: 0, text: '#!/bin/sh\n#V2.0 Format\n' },
];

/** How many bytes of an image have to be looked at. */
export const SIGNATURE_LENGTH = 512;

/** @returns The format that the bytes at the beginning of an image look like. */
export function guessFormat(beginning: Uint8Array): string {
  const text = String.fromCharCode(...beginning.subarray(0, SIGNATURE_LENGTH));
  const found = SIGNATURES.find(({ offset, text: wanted }) => text.startsWith(wanted, offset));
  return found?.format ?? 'raw';
}
