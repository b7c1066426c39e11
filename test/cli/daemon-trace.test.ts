import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Tracer } from '../../src/cli/daemon-trace.ts';
import { withFolder } from '../support/temporary.ts';

const POINTS = ['mirror_start', 'mirror_before_flush', 'qmp_enter_quit', 'qmp_exit_quit'];

function makeTracer() {
  const lines: string[] = [];
  return { lines, tracer: new Tracer({ points: POINTS, err: (line) => lines.push(line) }) };
}

/** @returns The names of the trace points that are told of. */
function enabled(...options: readonly string[]): readonly string[] {
  const { lines, tracer } = makeTracer();
  for (const option of options) tracer.configure(option);
  for (const point of POINTS) tracer.trace?.(point, '');
  return lines.map((line) => line.trim());
}

describe('the option --trace', () => {
  it('enables trace points by their names, with wildcards', () => {
    expect(enabled('mirror_start')).toEqual(['mirror_start']);
    expect(enabled('enable=mirror_*')).toEqual(['mirror_start', 'mirror_before_flush']);
    expect(enabled('*_?uit')).toEqual(['qmp_enter_quit', 'qmp_exit_quit']);
  });

  it('disables with a minus, in the order of the options', () => {
    expect(enabled('*', '-mirror_*', 'mirror_start')).toEqual([
      'mirror_start',
      'qmp_enter_quit',
      'qmp_exit_quit',
    ]);
  });

  it('asks for nothing to be traced as long as nothing is enabled', () => {
    const { tracer } = makeTracer();
    tracer.configure('file=/dev/null');
    expect(tracer.trace).toBeUndefined();
    tracer.configure('mirror_start');
    expect(tracer.trace).toBeTypeOf('function');
    tracer.configure('-*');
    expect(tracer.trace).toBeUndefined();
  });

  it('takes patterns from a file, and writes to another', async () => {
    await withFolder(async (folder) => {
      const [events, file] = [join(folder, 'events'), join(folder, 'log')];
      await writeFile(events, '# those of the mirror\nmirror_start\n\n  qmp_exit_*\n');
      const { lines, tracer } = makeTracer();
      tracer.configure(`events=${events},file=${file}`);
      for (const point of POINTS) tracer.trace?.(point, 'text');
      expect(lines).toEqual([]);
      expect(await readFile(file, 'utf8')).toBe('mirror_start text\nqmp_exit_quit text\n');
    });
  });

  it('warns of a name that there is not, but not of a pattern', () => {
    const { tracer } = makeTracer();
    expect(tracer.configure('foo')).toEqual(["trace event 'foo' does not exist"]);
    expect(tracer.configure('foo*')).toEqual([]);
    expect(tracer.configure('mirror.start')).toHaveLength(1);
  });

  it.each([
    ['foo=bar', "Invalid parameter 'foo'"],
    ['file=/nowhere/f', 'Error opening logfile /nowhere/f: No such file or directory'],
    ['events=/nowhere/f', '/nowhere/f: No such file or directory'],
  ])('refuses "%s" in QEMU\'s words', (text, reason) => {
    const { tracer } = makeTracer();
    expect(() => tracer.configure(text)).toThrow(expect.objectContaining({ reason }));
  });
});
