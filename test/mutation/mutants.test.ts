import { describe, expect, it } from 'vitest';
import { mutantsOf } from './mutants.ts';

/** The changes that are made to a text, and what each makes of it. */
function mutationsOf(text: string): Readonly<Record<string, string>> {
  const mutants = mutantsOf('src/a.ts', text);
  return Object.fromEntries(mutants.map((mutant) => [mutant.change, mutant.text]));
}

/** The changes that put the one of two statements in the place of the other. */
function swapsOf(statements: string): readonly string[] {
  const changes = Object.keys(mutationsOf(`function f() { ${statements} }`));
  return changes.filter((change) => change.startsWith('swap'));
}

describe('a mutant', () => {
  it.each([
    ['if (a) b();', 'negate: if («a») b();', 'if (!(a)) b();'],
    ['x = a ? 5 : 6;', 'negate: x = «a» ? 5 : 6;', 'x = !(a) ? 5 : 6;'],
    ['x = !a;', 'drop !: x = «!a»;', 'x = a;'],
    ['x = a < b;', '< to <=: x = «a < b»;', 'x = ((a) <= (b));'],
    ['x = a === b;', '=== to !==: x = «a === b»;', 'x = ((a) !== (b));'],
    ['x = a && b;', '&& to ||: x = «a && b»;', 'x = ((a) || (b));'],
    ['x = a * b + c;', '* to /: x = «a * b» + c;', 'x = ((a) / (b)) + c;'],
    ['x += a;', '+= to -=: «x += a»;', 'x -= a;'],
    ['x = Math.min(a);', 'min to max: x = «Math.min»(a);', 'x = Math.max(a);'],
    ['x = await a();', 'drop await: x = «await a()»;', 'x = a();'],
    ['if (a) b();', 'drop statement: if (a) «b();»', 'if (a) ;'],
    ['x = true;', 'flip: x = «true»;', 'x = false;'],
    ['x = a[1];', 'off by one: x = a[«1»];', 'x = a[2];'],
  ])('of %j has %s', (text, change, mutated) => {
    expect(mutationsOf(text)[change]).toBe(mutated);
  });

  it('has neighbouring statements in the other order', () => {
    const text = 'function f() {\n  a();\n  b();\n}';
    const mutated = mutationsOf(text)['swap statements: «a(); b();»'];
    expect(mutated).toBe('function f() {\n  b();\n  a();\n}');
  });

  it('returns at once from what is more than a statement', () => {
    const text = 'const f = () => {\n  a();\n  b();\n};';
    const mutated = mutationsOf(text)['return early: const f = () => {«»'];
    expect(mutated).toBe('const f = () => { return;\n  a();\n  b();\n};');
    expect(mutationsOf('const f = () => {\n  a();\n};')).not.toHaveProperty([
      'return early: const f = () => {«»',
    ]);
  });

  it('keeps the tree as it was, but for the change', () => {
    const mutated = mutationsOf('x = a || (b && c);')['|| to &&: x = «a || (b && c)»;'];
    expect(mutated).toBe('x = ((a) && ((b && c)));');
    const sum = mutationsOf('x = 5 * (a - b);')['- to +: x = 5 * («a - b»);'];
    expect(sum).toBe('x = 5 * (((a) + (b)));');
  });

  it('is told with the line in which its change begins', () => {
    const [mutant] = mutantsOf('src/a.ts', '/** What it is. */\n\nlet a = true;\n');
    expect(mutant).toMatchObject({ file: 'src/a.ts', line: 3, change: 'flip: let a = «true»;' });
  });
});

describe('mutants', () => {
  it.each([
    ['comments and strings', "// a && b\nconst x = 'a < b'; /* !c */"],
    ['types', 'type A = B extends true ? 0 : 1; interface C { readonly d: true | 2 }'],
    ['assertions', "assert(a, 'a is so');"],
    ['large numbers, which are tuned', 'const x = 4096;'],
    ['the order of declarations', 'const x = a;\nconst y = b;'],
  ])('leave alone %s', (_, text) => {
    expect(mutationsOf(text)).toEqual({});
  });

  // What a number is computed from, and where it is stored, can be told from the names alone.
  it.each([
    ['assignments that do not mention each other', 'this.a = b; this.c = d;'],
    ['what is computed of numbers only', 'this.a = Math.min(b, c); this.d += BigInt(e);'],
    ['numbers that are stored apart', 'view.setUint32(8, a, true); view.setUint16(12, b.length);'],
    [
      'numbers stored apart, from a place on',
      'v.setUint32(a, b % 2 ** 32); v.setUint16(a + 4, c);',
    ],
  ])('leave alone the order of %s', (_, statements) => {
    expect(swapsOf(statements)).toEqual([]);
  });

  it.each([
    ['a field, and what names it', 'this.a = b; this.c = this.a;'],
    ['a field, and what names it of another object', 'this.a = b; c = d.a.e;'],
    ['what is declared, and what changes it then', 'const a = this.b; this.b += 1;'],
    ['a field that is taken apart, and a change of it', 'const { a } = b; c.a = d;'],
    ['an element, and what may be the same one', 'a[b] = c; d = a[e];'],
    ['numbers by chance', 'a = Math.random(); b = Math.random();'],
    ['numbers of what others go through', 'this.a = Math.max(...b); this.c = d;'],
    ['numbers that are stored in the same place', 'view.setUint16(8, a); view.setUint16(8, b);'],
    ['numbers that overlap where they are stored', 'view.setUint32(8, a); view.setUint16(10, b);'],
    ['numbers in views that may be of the same bytes', 'a.setUint8(0, b); c.setUint8(1, d);'],
    ['numbers at offsets that may be the same', 'view.setUint8(a, b); view.setUint8(c + 1, d);'],
    ['numbers that others are asked for', 'view.setUint8(0, a()); view.setUint8(1, b());'],
    ['stored numbers, one of which is counted up', 'v.setUint8(0, a += 1); v.setUint8(1, a);'],
    ['a call, and what it may see', 'this.a(); this.b = c;'],
  ])('change the order of %s', (_, statements) => {
    expect(swapsOf(statements)).toHaveLength(1);
  });

  it('negate a comparison only once where it is a whole condition', () => {
    expect(Object.keys(mutationsOf('if (a === b) c();')).sort()).toEqual([
      'drop statement: if (a === b) «c();»',
      'negate: if («a === b») c();',
    ]);
  });

  it('are the same, in the order of the text, whenever they are made', () => {
    const text = 'if (a < b) {\n  await c();\n  d = !e;\n}';
    const mutants = mutantsOf('src/a.ts', text);
    expect(mutants).toEqual(mutantsOf('src/a.ts', text));
    expect(mutants.map(({ line }) => line)).toEqual([...mutants.map(({ line }) => line)].sort());
    expect(new Set(mutants.map((mutant) => mutant.text)).size).toBe(mutants.length);
  });
});
