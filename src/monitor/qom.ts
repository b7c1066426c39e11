/**
 * The objects of a monitor as a tree, as QEMU's object model shows them: chardevs and what
 * `object-add` has made.
 */

import type { ThrottleGroups } from '../filters/throttle-groups.ts';
import { type ThrottleLimits, throttleLimits } from '../filters/throttle-limits.ts';
import type { MachineObject } from '../machine/objects.ts';
import type { JsonValue } from '../wire/qmp/json-value.ts';
import type { Chardev } from './chardev/chardev.ts';
import type { MonitorContext } from './command.ts';

/** What an object says of itself. */
export interface QomProperty {
  readonly type: string;
  readonly value: JsonValue;
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
    leaf(`/objects/${id}`, object.type, propertiesOf(id, object, machine.throttleGroups)),
  );
  if (objects.length > 0) folders['objects'] = container('/objects', objects);
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

/** What an iothread has that was not told otherwise. */
const IOTHREAD_DEFAULTS = {
  'aio-max-batch': 0,
  'thread-pool-min': 0,
  'thread-pool-max': 64,
  'poll-max-ns': 32768,
  'poll-grow': 0,
  'poll-shrink': 0,
};

function propertiesOf(
  id: string,
  object: MachineObject,
  groups: ThrottleGroups,
): QomNode['properties'] {
  switch (object.type) {
    case 'iothread':
      return numbers({ ...IOTHREAD_DEFAULTS, ...object.properties });
    case 'throttle-group': {
      const limits = allLimits(groups.find(id).limits);
      const single = Object.entries(limits).map(([name, value]) => [`x-${name}`, value] as const);
      const all = { type: 'ThrottleLimits', value: limits };
      return { limits: all, ...numbers(Object.fromEntries(single)) };
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

/** @returns Those that are not set as well: no rate, and bursts of one second. */
function allLimits(limits: ThrottleLimits): Readonly<Record<string, number>> {
  const given: Readonly<Record<string, number | undefined>> = limits;
  const all = Object.keys(throttleLimits.shape.members).map((name) => {
    return [name, given[name] ?? (name.endsWith('-max-length') ? 1 : 0)] as const;
  });
  return Object.fromEntries(all);
}

function numbers(values: Readonly<Record<string, number>>): QomNode['properties'] {
  return typed('int', values);
}

function texts(values: Readonly<Record<string, string>>): QomNode['properties'] {
  return typed('string', values);
}

function typed(
  type: string,
  values: Readonly<Record<string, number | string>>,
): QomNode['properties'] {
  const properties = Object.entries(values).map(
    ([name, value]) => [name, { type, value }] as const,
  );
  return Object.fromEntries(properties);
}
