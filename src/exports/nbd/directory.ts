/** The exports of a server, as clients find them. */

import type { NbdExport } from './export.ts';

/** Exports that clients may ask for, in the order in which they were added. */
export interface ExportDirectory {
  readonly all: readonly NbdExport[];
  find(name: string): NbdExport | undefined;
}
