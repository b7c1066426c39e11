/** What the monitor says that it is: the QEMU whose behaviour it has, and what it really is. */

export const VERSION = {
  qemu: { major: 7, minor: 2, micro: 22 },
  package: 'mirrordisk',
} as const;
