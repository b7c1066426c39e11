import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withFolder } from '../support/temporary.ts';
import { Imports } from './related-tests.ts';

const TREE: Readonly<Record<string, string>> = {
  'src/jobs/a.ts': "import { e } from './e.ts';",
  'src/jobs/b.ts': "import { a } from './a.ts';",
  'src/jobs/c.ts': "import type { A } from './a.ts';",
  'test/jobs/a.parts.test.ts': "import { a } from '../../src/jobs/a.ts';",
  'test/jobs/b.test.ts': "import {\n  b,\n} from '../../src/jobs/b.ts';",
  'test/jobs/c.test.ts': "import { c } from '../../src/jobs/c.ts';",
  'test/support/rig.ts': "import { b } from '../../src/jobs/b.ts';",
  'test/scenario/d.test.ts': "import { rig } from '../support/rig.ts';",
  'test/scenario/f.test.ts':
    "import { a } from '../../src/jobs/a.ts';\nimport { startCli } from '../support/cli.ts';",
  'test/cli/e.test.ts': "import { b } from '../../src/jobs/b.ts';",
  'bench/a.ts': '',
};

function withTree<T>(body: (imports: Imports) => T): Promise<T> {
  return withFolder((folder) => {
    for (const [path, text] of Object.entries(TREE)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    return body(new Imports(folder));
  });
}

describe('tests of a file', () => {
  it('are those that reach it at run time, its own apart', async () => {
    const tests = await withTree((imports) => imports.testsOf('src/jobs/a.ts'));
    expect(tests).toEqual({
      own: ['test/jobs/a.parts.test.ts'],
      others: ['test/jobs/b.test.ts', 'test/scenario/d.test.ts'],
    });
  });

  it('are none that run the program, which is not changed with it', async () => {
    const { own, others } = await withTree((imports) => imports.testsOf('src/jobs/a.ts'));
    expect([...own, ...others]).not.toContain('test/scenario/f.test.ts');
  });

  it('are those of what imports it, where none has its name', async () => {
    const { own } = await withTree((imports) => imports.testsOf('src/jobs/e.ts'));
    expect(own).toEqual(['test/jobs/a.parts.test.ts']);
  });

  it('are none where nothing reaches it', async () => {
    const tests = await withTree((imports) => imports.testsOf('src/jobs/z.ts'));
    expect(tests).toEqual({ own: [], others: [] });
  });
});
