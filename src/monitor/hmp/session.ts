/**
 * One user of the human monitor at a terminal, or a program that does as if.
 *
 *     bytes -> LineEditor -> line -> its turn at the Dispatcher -> interpreter -> text -> bytes
 *
 * What is typed while a command is carried out waits, and is shown after it.
 */

import type { Connection } from '../../env/sockets.ts';
import type { MonitorContext } from '../command.ts';
import type { Dispatcher, Waiting } from '../dispatcher.ts';
import { VERSION } from '../version.ts';
import { hmpCommands } from './commands/index.ts';
import { completeLine } from './completion.ts';
import { interpret } from './interpreter.ts';
import { LineEditor } from './line-editor.ts';

/** Nothing is read from a user while more bytes than this wait to be sent. */
const UNSENT_PAUSE = 64 * 1024;

/** What a session is given beside its connection. */
export interface HmpSessionOptions {
  readonly dispatcher: Dispatcher;
  readonly context: MonitorContext;
  /** Called when the connection is over. */
  readonly onClosed?: (() => void) | undefined;
}

export class HmpSession implements Waiting {
  readonly #connection: Connection;
  readonly #options: HmpSessionOptions;
  readonly #editor: LineEditor;
  /** What was typed and not taken yet. */
  #typed = Buffer.alloc(0);
  /** The line that is carried out, or waits for its turn. */
  #line: string | undefined;
  /** No more is read: the user has gone, or the monitor has said its last. */
  #isOver = false;

  /** Greets the user; the connection is the session's from now on. */
  constructor(connection: Connection, options: HmpSessionOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#editor = new LineEditor({
      prompt: '(qemu) ',
      show: (text) => this.#show(Buffer.from(text, 'latin1')),
      complete: (line) => completeLine(line, this.#vocabulary()),
    });
    const { major, minor, micro } = VERSION.qemu;
    const numbers = `${major}.${minor}.${micro}`;
    this.#print(`QEMU ${numbers} monitor - type 'help' for more information\n`);
    this.#editor.showPrompt();
    connection.receive({
      data: (bytes) => {
        this.#typed = Buffer.concat([this.#typed, bytes]);
        this.#proceed();
      },
      drained: () => this.#proceed(),
      closed: () => {
        this.#isOver = true;
        options.onClosed?.();
      },
    });
  }

  /** Ends the connection; a line that waits for its turn is not carried out. */
  close(): void {
    this.#isOver = true;
    this.#connection.end();
  }

  async serveNext(): Promise<void> {
    const line = this.#line;
    if (line === undefined || this.#isOver) return;
    const { context: monitor } = this.#options;
    const history = this.#editor.history.lines.map(textOf);
    const print = (text: string) => this.#print(text);
    const outcome = await interpret(textOf(line), hmpCommands, { monitor, history, print });
    this.#line = undefined;
    if (outcome === 'over') this.#isOver = true;
    if (this.#isOver) return;
    this.#editor.showPrompt();
    this.#proceed();
  }

  /** Takes what was typed up to the end of a line, and reads on when all is taken. */
  #proceed(): void {
    let taken = 0;
    while (this.#isReady() && taken < this.#typed.length) {
      this.#line = this.#editor.take(this.#typed.readUInt8(taken));
      taken += 1;
      if (this.#line !== undefined) this.#options.dispatcher.enqueue(this);
    }
    this.#typed = this.#typed.subarray(taken);
    if (this.#isReady()) this.#connection.resume();
    else this.#connection.pause();
  }

  #isReady(): boolean {
    const isIdle = !this.#isOver && this.#line === undefined;
    return isIdle && this.#connection.pendingBytes <= UNSENT_PAUSE;
  }

  #vocabulary() {
    const { drives } = this.#options.context.machine;
    const names = drives.all.map(({ name }) => name).filter((name) => name !== '');
    return { commands: hmpCommands, drives: names };
  }

  #print(text: string): void {
    this.#show(Buffer.from(text));
  }

  /** @param bytes Text with line feeds, which a terminal wants carriage returns before. */
  #show(bytes: Buffer): void {
    const text = bytes.toString('latin1').replaceAll('\n', '\r\n');
    this.#connection.write(Buffer.from(text, 'latin1'));
  }
}

/** @param line With a byte for each character. */
function textOf(line: string): string {
  return Buffer.from(line, 'latin1').toString();
}
