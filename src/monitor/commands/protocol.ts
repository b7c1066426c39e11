/** The commands that are about the protocol itself. */

import { EMPTY } from '../../wire/qapi/command.ts';
import { enumeration, list, optional, struct } from '../../wire/qapi/composites.ts';
import { int, str } from '../../wire/qapi/scalars.ts';
import { type CommandRegistry, defineCommand, MonitorError } from '../command.ts';
import { events } from '../events.ts';
import { introspect } from '../introspection.ts';
import { schemaInfo } from '../schema/schema-info.ts';
import { VERSION } from '../version.ts';

/** What a client may enable. */
export const CAPABILITIES = ['oob'] as const;

/** What `qmp_capabilities` takes. */
export const capabilitiesArguments = struct('q_obj_qmp_capabilities-arg', {
  enable: optional(list(enumeration('QMPCapability', CAPABILITIES))),
});

const qmpCapabilities = defineCommand(
  {
    name: 'qmp_capabilities',
    summary: 'Agrees on capabilities, before which no other command is obeyed',
    arguments: capabilitiesArguments,
    returns: EMPTY,
  },
  () => {
    // The first one is obeyed by the session, and no command of the machine.
    const rule = 'Capabilities negotiation is already complete, command ignored';
    throw new MonitorError('CommandNotFound', rule);
  },
);

const versionTriple = struct('VersionTriple', { major: int, minor: int, micro: int });

const queryVersion = defineCommand(
  {
    name: 'query-version',
    summary: 'Tells the version of QEMU whose behaviour this is, and the program',
    arguments: EMPTY,
    returns: struct('VersionInfo', { qemu: versionTriple, package: str }),
  },
  () => VERSION,
);

const queryCommands = defineCommand(
  {
    name: 'query-commands',
    summary: 'Lists the names of all commands',
    arguments: EMPTY,
    returns: list(struct('CommandInfo', { name: str })),
  },
  (_given, { commands }) => Object.keys(commands).map((name) => ({ name })),
);

const queryQmpSchema = defineCommand(
  {
    name: 'query-qmp-schema',
    summary: 'Tells of all commands and events, and of the types of what they take and say',
    arguments: EMPTY,
    returns: list(schemaInfo),
  },
  (_given, { commands }) => introspect({ commands, events }),
);

export const protocolCommands = {
  qmp_capabilities: qmpCapabilities,
  'query-version': queryVersion,
  'query-commands': queryCommands,
  'query-qmp-schema': queryQmpSchema,
} satisfies CommandRegistry;
