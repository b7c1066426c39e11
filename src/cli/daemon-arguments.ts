/**
 * The arguments of `mirrordisk daemon`, taken apart as getopt_long(3) does: `--name value`,
 * `--name=value`, a name cut short where there is only one like it, `-T value`, `-Tvalue`.
 */

import { UsageError } from './command.ts';

/** An option that there is. */
export interface DaemonSyntax {
  /** With its dashes: `--blockdev`, `-T`. */
  readonly names: readonly string[];
  readonly hasValue: boolean;
}

/** An option that was given. */
export interface GivenOption<Option extends DaemonSyntax> {
  /** `undefined` for an argument that is no option. */
  readonly option: Option | undefined;
  readonly value: string;
  /** As it was written, for messages. */
  readonly text: string;
}

/** @throws {UsageError} In the words of getopt_long. */
export function splitArguments<Option extends DaemonSyntax>(
  args: readonly string[],
  options: readonly Option[],
): readonly GivenOption<Option>[] {
  const given: GivenOption<Option>[] = [];
  for (let at = 0; at < args.length && args[at] !== '--'; at += 1) {
    const text = args[at] ?? '';
    if (!/^-./.test(text)) {
      given.push({ option: undefined, value: text, text });
      continue;
    }
    const { option, name, value } = text.startsWith('--')
      ? splitLong(text, options)
      : splitShort(text, options);
    if (!option.hasValue || value !== undefined) {
      given.push({ option, value: value ?? '', text });
      continue;
    }
    at += 1;
    const next = args[at];
    if (next === undefined) {
      const what = name.startsWith('--') ? `option '${name}'` : 'option';
      const which = name.startsWith('--') ? '' : ` -- '${name.slice(1)}'`;
      throw new UsageError(`${what} requires an argument${which}`);
    }
    given.push({ option, value: next, text: `${text} ${next}` });
  }
  return given;
}

interface Split<Option> {
  readonly option: Option;
  readonly name: string;
  readonly value: string | undefined;
}

function splitLong<Option extends DaemonSyntax>(
  text: string,
  options: readonly Option[],
): Split<Option> {
  const end = text.indexOf('=');
  const [written, value] = end < 0 ? [text] : [text.slice(0, end), text.slice(end + 1)];
  const named = options.flatMap((option) => option.names.map((name) => ({ option, name })));
  const alike = named.filter(({ name }) => name.startsWith(written) && name.startsWith('--'));
  const [found = alike[0]] = alike.filter(({ name }) => name === written);
  if (!found) throw new UsageError(`unrecognized option '${written}'`);
  if (found.name !== written && alike.length > 1) {
    const names = alike.map(({ name }) => ` '${name}'`).join('');
    throw new UsageError(`option '${written}' is ambiguous; possibilities:${names}`);
  }
  if (value !== undefined && !found.option.hasValue) {
    throw new UsageError(`option '${found.name}' doesn't allow an argument`);
  }
  return { ...found, value };
}

function splitShort<Option extends DaemonSyntax>(
  text: string,
  options: readonly Option[],
): Split<Option> {
  const name = text.slice(0, 2);
  const option = options.find(({ names }) => names.includes(name));
  if (!option) throw new UsageError(`invalid option -- '${name.slice(1)}'`);
  return { option, name, value: text.length > 2 ? text.slice(2) : undefined };
}
