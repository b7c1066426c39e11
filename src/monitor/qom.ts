/**
 * The objects of a monitor as a tree, as QEMU's object model shows them: chardevs and what
 * `object-add` has made.
 */

import { BlockError } from '../base/errors.ts';
import type { ThrottleGroups } from '../filters/throttle-groups.ts';
import { type ThrottleLimits, throttleLimits } from '../filters/throttle-limits.ts';
import { IOTHREAD_DEFAULTS, type IoThreadProperties } from '../machine/iothread.ts';
import type { MachineObject, MachineObjects } from '../machine/objects.ts';
import { int } from '../wire/qapi/scalars.ts';
import { memberOf, wholeOf } from '../wire/qapi/type.ts';
import type { JsonValue } from '../wire/qmp/json-value.ts';
import type { Chardev } from './chardev/chardev.ts';
import type { MonitorContext } from './command.ts';

/** What an object says of itself. */
export interface QomProperty {
  readonly type: string;
  readonly value: JsonValue;
  /** Changes it. @throws {BlockError} For what it cannot be. @default It cannot be changed. */
  readonly set?: (value: JsonValue) => void;
}

export interface QomNode {
  /** Absolute. */
  readonly path: string;
  readonly type: string;
  readonly properties: Readonly<Record<string, QomProperty>>;
  readonly children: Readonly<Record<string, QomNode>>;
}

/** @returns The root. */
export function qomTree({ machine, chardevs }: MonitorContext): QomNode {
  const folders: Record<string, QomNode> = {};
  if (chardevs.all.length > 0) {
    folders['chardevs'] = container('/chardevs', chardevs.all.map(chardevNode));
  }
  const objects = Array.from(machine.objects.all, ([id, object]) =>
    leaf(`/objects/${id}`, object.type, propertiesOf(id, object, machine)),
  );
  if (machine.objects.hasBegun) folders['objects'] = container('/objects', objects);
  return { ...container('/', []), children: folders };
}

/**
 * Finds objects by an absolute path, or by the last parts of it.
 *
 * @returns All that it may stand for; there are several of none but a part of a path.
 */
export function findObjects(root: QomNode, path: string): readonly QomNode[] {
  const parts = path.split('/').filter((part) => part !== '');
  if (!path.startsWith('/')) return everyNode(root).filter((node) => hasEnd(node, parts));
  let node: QomNode | undefined = root;
  for (const part of parts) {
    node = node && Object.hasOwn(node.children, part) ? node.children[part] : undefined;
  }
  return node ? [node] : [];
}

function everyNode(node: QomNode): readonly QomNode[] {
  return [node, ...Object.values(node.children).flatMap(everyNode)];
}

function hasEnd({ path }: QomNode, parts: readonly string[]): boolean {
  const own = path.split('/').filter((part) => part !== '');
  return own.slice(own.length - parts.length).join('/') === parts.join('/');
}

function container(path: string, nodes: readonly QomNode[]): QomNode {
  const named = nodes.map((node) => [node.path.slice(path.length + 1), node] as const);
  return { path, type: 'container', properties: {}, children: Object.fromEntries(named) };
}

function leaf(path: string, type: string, properties: QomNode['properties']): QomNode {
  return { path, type, properties, children: {} };
}

function chardevNode({ id, backend, isConnected }: Chardev): QomNode {
  const connected = { connected: { type: 'bool', value: isConnected } };
  const properties = backend.type === 'socket' ? connected : {};
  return leaf(`/chardevs/${id}`, `chardev-${backend.type}`, properties);
}

function propertiesOf(
  id: string,
  object: MachineObject,
  { objects, throttleGroups }: { objects: MachineObjects; throttleGroups: ThrottleGroups },
): QomNode['properties'] {
  switch (object.type) {
    case 'iothread':
      return threadProperties({ ...IOTHREAD_DEFAULTS, ...object.properties }, (properties) =>
        objects.setIoThread(id, properties),
      );
    case 'throttle-group': {
      const group = throttleGroups.find(id);
      const limits = allLimits(group.limits);
      const single = Object.entries(limits).map(([name, value]) => {
        return [`x-${name}`, { type: 'int', value, set: refuseLate }] as const;
      });
      const set = (value: JsonValue) =>
        group.setLimits(throttleLimits.read(value, memberOf(wholeOf('json'), 'limits')));
      const all = { type: 'ThrottleLimits', value: limits, set };
      return { limits: all, ...Object.fromEntries(single) };
    }
    case 'secret': {
      const { format = 'raw', data = '', file = '', keyid = '', iv = '' } = object;
      const text = { data, file, keyid, iv };
      return { format: { type: 'QCryptoSecretFormat', value: format }, ...texts(text) };
    }
    default: {
      const { dir, endpoint = 'client' } = object.options;
      const side = { type: 'QCryptoTLSCredsEndpoint', value: endpoint };
      return { ...texts({ dir }), endpoint: side };
    }
  }
}

/** Old names of limits are only for an object that is being made. */
function refuseLate(): never {
  const reason = 'Property cannot be set after initialization';
  throw new BlockError('EPERM', 'change a property', reason);
}

/** @returns Those that are not set as well: no rate, and bursts of one second. */
function allLimits(limits: ThrottleLimits): Readonly<Record<string, number>> {
  const given: Readonly<Record<string, number | undefined>> = limits;
  const all = Object.keys(throttleLimits.shape.members).map((name) => {
    return [name, given[name] ?? (name.endsWith('-max-length') ? 1 : 0)] as const;
  });
  return Object.fromEntries(all);
}

function threadProperties(
  values: IoThreadProperties,
  change: (properties: IoThreadProperties) => void,
): QomNode['properties'] {
  const properties = Object.entries(values).map(([name, value]) => {
    const set = (given: JsonValue) =>
      change({ [name]: int.read(given, memberOf(wholeOf('json'), name)) });
    return [name, { type: 'int', value, set }] as const;
  });
  return Object.fromEntries(properties);
}

function texts(values: Readonly<Record<string, string>>): QomNode['properties'] {
  const properties = Object.entries(values).map(
    ([name, value]) => [name, { type: 'string', value }] as const,
  );
  return Object.fromEntries(properties);
}
