/** `qom-list` and `qom-get`. */

import { BlockError } from '../../base/errors.ts';
import { list, optional, struct } from '../../wire/qapi/composites.ts';
import { anything, str } from '../../wire/qapi/scalars.ts';
import { defineCommand, type MonitorContext, MonitorError } from '../command.ts';
import { inHashOrder } from '../hash-order.ts';
import { findObjects, type QomNode, type QomProperty, qomTree } from '../qom.ts';

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
    const node = objectAt(path, context);
    const properties = propertiesOf(node);
    const found = Object.hasOwn(properties, property) ? properties[property] : undefined;
    if (found) return found.value;
    const reason = `Property '${node.type}.${property}' not found`;
    throw new BlockError('ENOENT', 'read a property', reason);
  },
);

export const qomCommands = { 'qom-list': qomList, 'qom-get': qomGet };

function objectAt(path: string, context: MonitorContext): QomNode {
  const [found, another] = findObjects(qomTree(context), path);
  if (!found) throw new MonitorError('DeviceNotFound', `Device '${path}' not found`);
  if (!another) return found;
  throw new BlockError('EINVAL', 'find an object', `Path '${path}' is ambiguous`);
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
