/** What is told of commands, events and types: QEMU's SchemaInfo. */

import {
  enumeration,
  list,
  optional,
  struct,
  union,
  withFeatures,
} from '../../wire/qapi/composites.ts';
import { anything, bool, str } from '../../wire/qapi/scalars.ts';

const features = optional(list(str));

const jsonType = enumeration('JSONType', [
  'string',
  'number',
  'int',
  'boolean',
  'null',
  'object',
  'array',
  'value',
]);

const metaType = enumeration('SchemaMetaType', [
  'builtin',
  'enum',
  'array',
  'object',
  'alternate',
  'command',
  'event',
]);

const enumMember = struct('SchemaInfoEnumMember', { name: str, features });

const objectMember = struct('SchemaInfoObjectMember', {
  name: str,
  type: str,
  default: optional(anything),
  features,
});

const objectVariant = struct('SchemaInfoObjectVariant', { case: str, type: str });

export const schemaInfo = union('SchemaInfo', {
  members: { name: str, 'meta-type': metaType, features },
  tag: 'meta-type',
  branches: {
    builtin: struct('SchemaInfoBuiltin', { 'json-type': jsonType }),
    enum: struct('SchemaInfoEnum', {
      members: list(enumMember),
      values: withFeatures(list(str), 'deprecated'),
    }),
    array: struct('SchemaInfoArray', { 'element-type': str }),
    object: struct('SchemaInfoObject', {
      members: list(objectMember),
      tag: optional(str),
      variants: optional(list(objectVariant)),
    }),
    alternate: struct('SchemaInfoAlternate', {
      members: list(struct('SchemaInfoAlternateMember', { type: str })),
    }),
    command: struct('SchemaInfoCommand', {
      'arg-type': str,
      'ret-type': str,
      'allow-oob': optional(bool),
    }),
    event: struct('SchemaInfoEvent', { 'arg-type': str }),
  },
});
