/** The options of nodes, of all drivers that this program has. */

import { blockdevOptionsOf } from '../../block/options.ts';
import { drivers } from '../../drivers/index.ts';
import { filters } from '../../filters/index.ts';
import { enumeration } from '../../wire/qapi/composites.ts';

const all = { ...drivers, ...filters };

export const blockdevOptions = blockdevOptionsOf(all);

export const blockdevDriver = enumeration('BlockdevDriver', Object.keys(all));
