/**
 * The rules of the house that a machine can check, each a function of one file.
 *
 * A rule gives what it finds wrong, with the line: `12: imports a higher row`.
 */

import { posix } from 'node:path';
import { codeOf } from './source-text.ts';

/** A file of this project; the path is relative to its top, with slashes. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

export type Rule = (file: SourceFile) => readonly string[];

/** The folders of src by rows: each may import those of the rows above it in this list. */
const ROWS = [
  ['base'],
  ['env', 'sync', 'bitmap', 'wire'],
  ['block'],
  ['drivers', 'filters', 'device', 'jobs', 'exports'],
  ['machine'],
  ['monitor', 'workload', 'web'],
  ['sim'],
  ['cli'],
] as const;

/** Who may touch the world. */
const SEAM: readonly string[] = ['env', 'web', 'cli'];
/** What of Node computes and touches nothing. */
const PURE_MODULES = ['buffer', 'crypto', 'path', 'util', 'zlib'];
const WORLD = [
  'setTimeout',
  'setInterval',
  'setImmediate',
  'Date',
  'process',
  'performance',
  'console',
  'fetch',
  'WebSocket',
  'randomBytes',
  'randomInt',
  'randomUUID',
  'randomFillSync',
  'getRandomValues',
];
/** Folders of tests that mirror no folder of src. */
const FREE_TEST_FOLDERS = [
  'contract',
  'fuzz',
  'guest',
  'scenario',
  'interop',
  'mutation',
  'sim',
  'support',
];

const LINES_MAX = 400;
const COLUMNS_MAX = 100;

/** What a file imports or re-exports, and where. */
interface Import {
  readonly specifier: string;
  readonly line: number;
  readonly isReexport: boolean;
}

function importsOf({ text }: SourceFile): readonly Import[] {
  const code = codeOf(text);
  const found = code.matchAll(/\b(?:from|import)\s*\(?\s*(?<quote>['"`])(?<inside> *)\k<quote>/g);
  return [...found].map((match) => {
    const { inside = '' } = match.groups ?? {};
    const end = match.index + match[0].length - 1;
    const statement = code.slice(0, match.index).match(/\b(import|export)\b[^;]*$/)?.[0] ?? '';
    return {
      specifier: text.slice(end - inside.length, end),
      line: lineAt(text, match.index),
      isReexport: statement.startsWith('export') && match[0].startsWith('from'),
    };
  });
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

/** Looks for a pattern in the code of a file, not in its comments and strings. */
function inCode({ text }: SourceFile, pattern: RegExp, words: string): readonly string[] {
  return [...codeOf(text).matchAll(pattern)].map(
    (match) => `${lineAt(text, match.index)}: ${words}: ${match[0].trim()}`,
  );
}

function isSource({ path }: SourceFile): boolean {
  return path.startsWith('src/');
}

/** The folder of src that a path lies in; '' for a file of src itself. */
function folderOf(path: string): string {
  const [, folder = '', ...rest] = path.split('/');
  return rest.length > 0 ? folder : '';
}

function rowOf(folder: string): number {
  return ROWS.findIndex((row) => row.some((name) => name === folder));
}

/** A folder imports its own files and lower rows; nobody imports a package. */
export const importsPointDown: Rule = (file) => {
  if (!isSource(file)) return [];
  const folder = folderOf(file.path);
  return importsOf(file).flatMap(({ specifier, line }) => {
    if (specifier.startsWith('node:')) return [];
    if (!specifier.startsWith('.')) return [`${line}: imports a package: ${specifier}`];
    const target = posix.join(posix.dirname(file.path), specifier);
    const other = folderOf(target);
    if (!target.startsWith('src/')) return [`${line}: imports from outside of src: ${specifier}`];
    if (folder === '' || other === folder) return [];
    if (other === '') return [`${line}: imports the public API: ${specifier}`];
    if (rowOf(other) < 0) return [`${line}: imports from a folder off the map: ${specifier}`];
    if (rowOf(other) < rowOf(folder)) return [];
    const direction = rowOf(other) === rowOf(folder) ? 'sideways' : 'upward';
    return [`${line}: imports ${direction}: ${specifier}`];
  });
};

/** Relative imports say the whole name of the file. */
export const importsNameFiles: Rule = (file) =>
  importsOf(file)
    .filter(({ specifier }) => specifier.startsWith('.') && !/\.[jt]s$/.test(specifier))
    .map(({ specifier, line }) => `${line}: imports without a suffix: ${specifier}`);

/** Every folder of src is one of the map's, and every file is in one of them. */
export const foldersAreOnTheMap: Rule = (file) => {
  if (!isSource(file) || file.path === 'src/index.ts') return [];
  const folder = folderOf(file.path);
  if (folder === '') return ['1: only index.ts lies in src itself'];
  return rowOf(folder) < 0 ? [`1: there is no folder "${folder}" on the map`] : [];
};

/** What programs of others import: the `exports` of package.json. */
const PUBLIC_FILES = ['src/index.ts', 'src/sim/index.ts'];

/** Only the public API re-exports. */
export const onlyIndexReexports: Rule = (file) => {
  if (!isSource(file) || PUBLIC_FILES.includes(file.path)) return [];
  return importsOf(file)
    .filter(({ isReexport }) => isReexport)
    .map(({ specifier, line }) => `${line}: re-exports: ${specifier}`);
};

/** Files, sockets, timers, clocks and chance are behind the seam. */
export const worldIsBehindTheSeam: Rule = (file) => {
  if (!isSource(file) || SEAM.includes(folderOf(file.path))) return [];
  const modules = importsOf(file)
    .filter(({ specifier }) => specifier.startsWith('node:'))
    .filter(({ specifier }) => !PURE_MODULES.includes(specifier.replace(/^node:/, '')))
    .map(({ specifier, line }) => `${line}: touches the world: ${specifier}`);
  const names = new RegExp(`(?<![.\\w$#])(?:${WORLD.join('|')})(?![\\w$])`, 'g');
  return [
    ...modules,
    ...inCode(file, names, 'touches the world'),
    ...inCode(file, /\bMath\s*\.\s*random\b/g, 'touches the world'),
    ...inCode(file, /\bAbortSignal\s*\.\s*timeout\b/g, 'touches the world'),
  ];
};

/** A file can be read as a whole, and side by side with another. */
export const filesAreShort: Rule = ({ text }) => {
  const lines = text.replace(/\n$/, '').split('\n');
  const long = lines.flatMap((line, index) => {
    const columns = [...line].length;
    return columns > COLUMNS_MAX ? [`${index + 1}: has ${columns} columns`] : [];
  });
  return lines.length > LINES_MAX ? [`1: has ${lines.length} lines`, ...long] : long;
};

/** Everything that is exported has a name. */
export const exportsAreNamed: Rule = (file) =>
  inCode(file, /\bexport\s+default\b|\bas\s+default\b|\bexport\s*=/g, 'exports without a name');

/** Each file of src begins with what it is, after the line that makes it a program. */
export const filesHaveHeaders: Rule = (file) =>
  !isSource(file) || /^(?:#!.*\n)?\/\*\*/.test(file.text) ? [] : ['1: begins without a header'];

/** A test of one file has the name and place of that file. */
export function testsMirrorSources(paths: readonly string[]): Rule {
  const sources = new Set(paths);
  return ({ path }) => {
    const [top, folder, ...rest] = path.split('/');
    if (top !== 'test' || !path.endsWith('.test.ts') || path === 'test/tidy.test.ts') return [];
    if (rest.length > 0 && FREE_TEST_FOLDERS.includes(folder ?? '')) return [];
    // What does not fit into one file stands in several: node.test.ts, node.marking.test.ts.
    const source = path.replace(/^test\//, 'src/').replace(/(?:\.[\w-]+)?\.test\.ts$/, '.ts');
    return sources.has(source) ? [] : [`1: mirrors no file: ${source}`];
  };
}

/** What is left to do is done, or written down elsewhere. */
export const nothingIsLeftToDo: Rule = ({ text }) => {
  // Written apart, for this file is checked as well.
  const marks = new RegExp(`\\b(?:${['TO' + 'DO', 'FIX' + 'ME'].join('|')})\\b`, 'g');
  return [...text.matchAll(marks)].map(
    (match) => `${lineAt(text, match.index)}: leaves something to do`,
  );
};

/** Types say something. */
export const typesSaySomething: Rule = (file) =>
  inCode(file, /(?<=[:<|&,(=[]\s*|\b(?:as|extends|keyof|is|infer)\s+)any(?![\w$(])/g, 'says any');
