/** The drivers there are, by the names that `driver=` gives. */

import type { DriverRegistry } from '../block/driver.ts';
import { file } from './file.ts';
import { memory } from './memory.ts';
import { nullCo } from './null.ts';
import { raw } from './raw.ts';

export const drivers = { memory, 'null-co': nullCo, file, raw } satisfies DriverRegistry;
