import { describe, expect, it } from 'vitest';
import { mutantsOf } from './mutants.ts';

/** The changes that are made to a text, and what each makes of it. */
function mutationsOf(text: string): Readonly<Record<string, string>> {
  const mutants = mutantsOf('src/a.ts', text);
  return Object.fromEntries(mutants.map((mutant) => [mutant.change, mutant.text]));
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

  it('leave alone the order of assignments that do not mention each other', () => {
    const swaps = (text: string) =>
      Object.keys(mutationsOf(text)).filter((change) => change.startsWith('swap'));
    expect(swaps('function f() { this.a = b; this.c = d; }')).toEqual([]);
    expect(swaps('function f() { this.a = b; this.c = this.a; }')).toHaveLength(1);
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
