import { spawnSync } from 'node:child_process';
import { describe, expect } from 'vitest';
import { commands } from '../../src/monitor/commands/index.ts';
import { events } from '../../src/monitor/events.ts';
import { introspect } from '../../src/monitor/introspection.ts';
import { SchemaLines } from '../support/schema-lines.ts';
import { interop, type Tool } from '../support/tools.ts';

const { it } = interop('qemu-storage-daemon', 'qemu-system-x86_64');

/** Where our schema says something else, and why. */
const DIFFERENCES: readonly (readonly [where: RegExp, reason: string])[] = [
  [/^- .*[.\]]driver = /, 'drivers that we do not have'],
  [/^\+ .*[.\]]driver = (memory|delay|write-cache)$/, 'drivers of our own'],
  [/^- transaction.actions\[\].type = /, 'commands that we do not have'],
  [/^- (block-export-add|query-block-exports ->\[\]).type = /, 'only NBD exports'],
  [/^- object-add.qom-type = /, 'objects that we do not have'],
  [/^- .*<driver=blkdebug>.*.event = /, 'events that nothing raises below a raw format'],
  [/^- .*<driver=blkdebug>.inject-error\[\].event: enum/, 'the event of a rule may be left out'],
  [/^\+ .*<driver=blkdebug>/, 'more events, and more that rules can say'],
  [/^. .*<driver=throttle>.(throttle-group|limits)/, 'limits of a disk without a group'],
  [/^- .*.image.format-specific/, 'nothing is specific to the raw format'],
  [/^. query-block-jobs ->\[\](.type\b|<type=mirror>.actively-synced)/, 'as in QEMU 8.2'],
  [/^\+ block-job-change$/, 'as in QEMU 8.2'],
  [/^\+ job-change$/, 'as proposed to take its place'],
  [/^- human-monitor-command is .* savevm-monitor-nodes$/, 'there are no snapshots to save'],
  [/^\+ human-monitor-command is command$/, 'the same'],
  [/^\+ blockdev-mirror.target-is-zero/, 'as in QEMU 10.1'],
  [/^\+ .*<driver=nbd>.multi-conn/, 'as proposed for QEMU'],
];

const DAEMON = ['--chardev', 'stdio,id=m', '--monitor', 'm'];
const EMULATOR = ['-M', 'none', '-display', 'none', '-S', '-monitor', 'none', '-qmp', 'stdio'];

function theirs(program: Tool, args: readonly string[]): SchemaLines {
  const input = '{"execute":"qmp_capabilities"}{"execute":"query-qmp-schema"}{"execute":"quit"}';
  const maxBuffer = 16 * 1024 * 1024;
  const { stdout } = spawnSync(program.path, args, { input, maxBuffer, encoding: 'utf8' });
  const [, , answer = ''] = stdout.split('\n');
  return new SchemaLines(JSON.parse(answer).return);
}

function ours(): SchemaLines {
  // As it goes over the wire: without what is undefined.
  return new SchemaLines(JSON.parse(JSON.stringify(introspect({ commands, events }))));
}

/** What one schema says of a command or event and the other does not: `-` theirs, `+` ours. */
function differencesIn(name: string, their: SchemaLines, our: SchemaLines): readonly string[] {
  const [wanted, found] = [new Set(their.linesOf(name)), new Set(our.linesOf(name))];
  const missing = [...wanted].filter((line) => !found.has(line));
  const added = [...found].filter((line) => !wanted.has(line));
  return [
    ...essential(missing).map((line) => `- ${line}`),
    ...essential(added).map((line) => `+ ${line}`),
  ];
}

/** What both say of a command or event, in the order in which the first one does; but for enums. */
function sharedOf(name: string, one: SchemaLines, other: SchemaLines): readonly string[] {
  const others = new Set(other.linesOf(name));
  return one.linesOf(name).filter((line) => others.has(line) && !line.includes(' = '));
}

/** Leaves out the members of a variant where the whole variant is another. */
function essential(lines: readonly string[]): readonly string[] {
  const variants = lines.flatMap((line) => {
    const [, path, tag, value] = /^(.*)\.([^.]+) = (.*)$/.exec(line) ?? [];
    return path === undefined ? [] : [`${path}<${tag}=${value}>`];
  });
  return lines.filter((line) => !variants.some((variant) => line.startsWith(variant)));
}

describe('the schema of our monitor', () => {
  it('is that of QEMU, for what both have', async (daemon, emulator) => {
    const their = theirs(daemon, DAEMON);
    const whole = theirs(emulator, EMULATOR);
    const our = ours();
    const differing = our.names.flatMap((name) => {
      if (their.names.includes(name)) return differencesIn(name, their, our);
      return whole.names.includes(name) ? differencesIn(name, whole, our) : [`+ ${name}`];
    });
    const isExplained = (line: string) => DIFFERENCES.some(([where]) => where.test(line));
    expect(differing.filter((line) => !isExplained(line))).toEqual([]);
    const idle = DIFFERENCES.filter(([where]) => !differing.some((line) => where.test(line)));
    expect(idle).toEqual([]);
  });

  it('has members in the order in which QEMU checks them', async (daemon) => {
    const [their, our] = [theirs(daemon, DAEMON), ours()];
    const shared = our.names.filter((name) => their.names.includes(name));
    expect(shared.length).toBeGreaterThan(50);
    for (const name of shared) {
      expect(sharedOf(name, our, their)).toEqual(sharedOf(name, their, our));
    }
  });
});
