/** The command `help`, and what `info` alone says. */

import { defineHmpCommand, type HmpAction, type HmpCommand, isNamed } from '../command.ts';
import { splitWords } from '../words.ts';

/** @param commands All that there are, `help` among them. */
export function helpOn(commands: () => readonly HmpCommand[]): HmpAction {
  return defineHmpCommand({
    name: 'help|?',
    parameters: 'name:S?',
    usage: '[cmd]',
    help: 'show the help',
    run({ name = '' }, { print, monitor }) {
      const words = splitWords(name, monitor.qemuIo.output.print);
      if (words) explain(words, { commands: commands(), prefix: [], print });
    },
  });
}

interface Explanation {
  readonly commands: readonly HmpCommand[];
  /** The families that the commands are in. */
  readonly prefix: readonly string[];
  readonly print: (text: string) => void;
}

/** Prints a line for each command that the words name: for all of them, where there are none. */
export function explain(words: readonly string[], explanation: Explanation): void {
  const { commands, prefix, print } = explanation;
  const [word, ...rest] = words;
  if (word === undefined) {
    for (const { name, usage, help } of commands) {
      print(`${[...prefix, name].join(' ')} ${usage} -- ${help}\n`);
    }
    return;
  }
  const command = commands.find((each) => isNamed(each, word));
  if (!command) {
    print(`unknown command: '${[...prefix, word].join(' ')}'\n`);
  } else if ('commands' in command) {
    explain(rest, { commands: command.commands, prefix: [...prefix, word], print });
  } else {
    explain([], { commands: [command], prefix, print });
  }
}
