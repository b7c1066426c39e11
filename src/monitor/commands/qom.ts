/** `qom-list`, `qom-get`, `qom-set` and `qom-list-types`. */

import { BlockError } from '../../base/errors.ts';
import { list, optional, struct, withDefault } from '../../wire/qapi/composites.ts';
import { anything, bool, str } from '../../wire/qapi/scalars.ts';
import { defineCommand, type MonitorContext, MonitorError } from '../command.ts';
import { inHashOrder } from '../hash-order.ts';
import { findObjects, type QomNode, type QomProperty, qomTree } from '../qom.ts';
import { qomTypes } from '../qom-types.ts';

const qomList = defineCommand(
  {
    name: 'qom-list',
    summary: 'Lists what an object of the object model has',
    arguments: struct('q_obj_qom-list-arg', { path: str }),
    returns: list(
      struct('ObjectPropertyInfo', {
        name: str,
        type: str,
        description: optional(str),
        'default-value': optional(anything),
      }),
    ),
  },
  ({ path }, context) =>
    Object.entries(propertiesOf(objectAt(path, context))).map(([name, { type }]) => ({
      name,
      type,
    })),
);

const qomGet = defineCommand(
  {
    name: 'qom-get',
    summary: 'Tells one property of an object of the object model',
    arguments: struct('q_obj_qom-get-arg', { path: str, property: str }),
    returns: anything,
  },
  ({ path, property }, context) => {
    return propertyOf(objectAt(path, context), property).value;
  },
);

const qomSet = defineCommand(
  {
    name: 'qom-set',
    summary: 'Changes one property of an object of the object model',
    arguments: struct('q_obj_qom-set-arg', { path: str, property: str, value: anything }),
  },
  ({ path, property, value }, context) => {
    const node = objectAt(path, context);
    const { set } = propertyOf(node, property);
    const reason = `Property '${node.type}.${property}' is not writable`;
    if (!set) throw new BlockError('EPERM', 'change a property', reason);
    set(value);
  },
);

const qomListTypes = defineCommand(
  {
    name: 'qom-list-types',
    summary: 'Lists the types of the object model, or those of one kind',
    arguments: struct('q_obj_qom-list-types-arg', {
      implements: optional(str),
      abstract: withDefault(bool, false),
    }),
    returns: list(
      struct('ObjectTypeInfo', { name: str, abstract: optional(bool), parent: optional(str) }),
    ),
  },
  ({ implements: kind, abstract: withAbstract }) =>
    qomTypes(kind)
      .filter(({ isAbstract }) => withAbstract || !isAbstract)
      .map(({ name, isAbstract: abstract, parent }) => ({ name, abstract, parent })),
);

export const qomCommands = {
  'qom-list': qomList,
  'qom-get': qomGet,
  'qom-set': qomSet,
  'qom-list-types': qomListTypes,
};

function objectAt(path: string, context: MonitorContext): QomNode {
  const [found, another] = findObjects(qomTree(context), path);
  if (!found) throw new MonitorError('DeviceNotFound', `Device '${path}' not found`);
  if (!another) return found;
  throw new BlockError('EINVAL', 'find an object', `Path '${path}' is ambiguous`);
}

function propertyOf(node: QomNode, name: string): QomProperty {
  const properties = propertiesOf(node);
  const found = Object.hasOwn(properties, name) ? properties[name] : undefined;
  if (found) return found;
  throw new BlockError('ENOENT', 'find a property', `Property '${node.type}.${name}' not found`);
}

/** @returns Its type, and then its own ones and its children. */
function propertiesOf(node: QomNode): Readonly<Record<string, QomProperty>> {
  const children = inHashOrder(Object.keys(node.children)).flatMap((name) => {
    const child = node.children[name];
    return child ? [[name, { type: `child<${child.type}>`, value: child.path }] as const] : [];
  });
  const type = { type: 'string', value: node.type };
  return { type, ...node.properties, ...Object.fromEntries(children) };
}
