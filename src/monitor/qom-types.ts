/** The types of the object model that there are here, after QEMU's, and in its order. */

/** A type. */
export interface QomType {
  readonly name: string;
  /** What it is a kind of; only the roots are of nothing else. */
  readonly parent?: string;
  /** There are objects only of other types that are of this one. */
  readonly isAbstract?: boolean;
  /** Users can make objects of it: it has the interface `user-creatable`. */
  readonly isCreatable?: boolean;
}

const TYPES: readonly QomType[] = [
  { name: 'secret_common', parent: 'object', isAbstract: true },
  { name: 'container', parent: 'object' },
  { name: 'interface', isAbstract: true },
  { name: 'iothread', parent: 'event-loop-base', isCreatable: true },
  { name: 'secret', parent: 'secret_common', isCreatable: true },
  { name: 'tls-creds-psk', parent: 'tls-creds', isCreatable: true },
  { name: 'tls-creds', parent: 'object', isAbstract: true },
  { name: 'chardev-pipe', parent: 'chardev-fd' },
  { name: 'chardev-fd', parent: 'chardev', isAbstract: true },
  { name: 'chardev-null', parent: 'chardev' },
  { name: 'chardev-ringbuf', parent: 'chardev' },
  { name: 'event-loop-base', parent: 'object', isAbstract: true },
  { name: 'chardev-stdio', parent: 'chardev-fd' },
  { name: 'chardev', parent: 'object', isAbstract: true },
  { name: 'user-creatable', parent: 'interface', isAbstract: true },
  { name: 'chardev-socket', parent: 'chardev' },
  { name: 'chardev-file', parent: 'chardev-fd' },
  { name: 'chardev-memory', parent: 'chardev-ringbuf' },
  { name: 'object', isAbstract: true },
  { name: 'tls-creds-x509', parent: 'tls-creds', isCreatable: true },
  { name: 'throttle-group', parent: 'object', isCreatable: true },
];

/** @returns All of them, or those that are of one type or have it as an interface, and itself. */
export function qomTypes(of?: string): readonly QomType[] {
  return of === undefined ? TYPES : TYPES.filter((type) => isOf(type, of));
}

function isOf({ name, parent, isCreatable = false }: QomType, wanted: string): boolean {
  const above = isCreatable ? [parent, 'user-creatable'] : [parent];
  return name === wanted || TYPES.some((type) => above.includes(type.name) && isOf(type, wanted));
}
