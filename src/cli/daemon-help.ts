/** What is told of an option that is asked for help: `--object help`, `--device help`. */

import { drivers } from '../drivers/index.ts';
import { filters } from '../filters/index.ts';
import { DEVICE_MODELS } from '../machine/device-models.ts';
import { objectOptions } from '../monitor/schema/object.ts';
import type { KeyvalValue } from '../wire/options/keyval.ts';
import type { Shape, Type } from '../wire/qapi/type.ts';

/** Of no use any more, and not told of. */
const HIDDEN = 'loaded';

/** @param type Whose properties are told, if there is such a one; else all types. */
export function describeObjects(type: KeyvalValue | undefined): readonly string[] {
  const { branches = {} } = objectOptions.shape;
  const found =
    typeof type === 'string' && Object.hasOwn(branches, type) ? branches[type] : undefined;
  if (!found) {
    return ['List of user creatable objects:', ...Object.keys(branches).map((it) => `  ${it}`)];
  }
  const properties = Object.entries(found.shape.members)
    .filter(([name]) => name !== HIDDEN)
    .map(([name, member]) => `  ${name}=<${typeName(member)}>`);
  return [`${type} options:`, ...properties.sort()];
}

/** What devices can be made of. */
export function describeDevices(): readonly string[] {
  return ['Storage devices:', ...DEVICE_MODELS.map((name) => `name "${name}"`)];
}

/** What drivers a drive may be of, for `--drive format=help`. */
export function describeFormats(): readonly string[] {
  const names = [...Object.keys(drivers), ...Object.keys(filters)].sort();
  return [`Supported formats: ${names.join(' ')}`];
}

function typeName({ shape }: Type<unknown>): string {
  if (shape.kind === 'array') return 'array';
  const names: Readonly<Record<string, string>> = { str: 'string', bool: 'bool' };
  return shape.kind === 'builtin' ? (names[shape.name] ?? 'int') : nameOf(shape);
}

function nameOf(shape: Extract<Shape, { readonly name: string }>): string {
  return shape.name;
}
