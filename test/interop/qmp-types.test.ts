import { spawnSync } from 'node:child_process';
import { expect } from 'vitest';
import { qomTypes } from '../../src/monitor/qom-types.ts';
import { interop } from '../support/tools.ts';

const ASKED = '{"execute":"qom-list-types","arguments":{"abstract":true}}';

interop('qemu-storage-daemon').it(
  'lists types in the order of QEMU, under its parents',
  async (daemon) => {
    const input = `{"execute":"qmp_capabilities"}${ASKED}{"execute":"quit"}`;
    const options = ['--chardev', 'stdio,id=m', '--monitor', 'm'];
    const { stdout } = spawnSync(daemon.path, options, { input, encoding: 'utf8' });
    const [, , answer = ''] = stdout.split('\n');
    const their: { readonly name: string }[] = JSON.parse(answer).return;
    const ours = qomTypes().map(({ name, isAbstract, parent }) => ({
      ...(isAbstract && { abstract: true }),
      ...{ name, ...(parent !== undefined && { parent }) },
    }));
    const names = new Set(ours.map(({ name }) => name));
    expect(their.filter(({ name }) => names.has(name))).toEqual(ours);
  },
);
