/** `qmp`: commands for a running daemon, or for QEMU, by its monitor. */

import type { SocketAddress } from '../../env/sockets.ts';
import { parseSome } from '../arguments.ts';
import { type Command, UsageError } from '../command.ts';
import { runQmp } from '../qmp-run.ts';

const OPTIONS = {
  wait: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

export const qmp: Command = {
  name: 'qmp',
  summary: 'Send commands to a daemon, or to QEMU, over QMP',
  usage: `Usage: mirrordisk qmp SOCKET [OPTIONS] [COMMAND [KEY=VALUE ...]]

Executes one command of QMP, and prints what it returned. SOCKET is the path of
a monitor's Unix socket, or HOST:PORT. Values get their types from the server's
own schema, so it works with every version of "mirrordisk daemon", of
qemu-storage-daemon and of QEMU. Dots lead into what is nested:

  blockdev-add driver=raw node-name=disk file.driver=file file.filename=a.img

Without COMMAND it reads commands from standard input, a line each, quoted as in
a shell; on a terminal with completion (Tab), and with events as they come.
"exit" or Ctrl-D ends it. A line may also be JSON as QMP has it:

  {"execute": "query-block-jobs"}

Options:
  --wait EVENT   After the command, print events until EVENT has come
  --json         Each answer and event on one line

Examples:
  mirrordisk qmp qmp.sock query-block-jobs
  mirrordisk qmp qmp.sock blockdev-mirror job-id=j device=disk target=copy \\
    sync=full --wait BLOCK_JOB_READY
  mirrordisk qmp qmp.sock job-complete id=j --wait BLOCK_JOB_COMPLETED

Exit codes: 0 done; 1 the server refused the command; 2 it could not be asked.`,

  async run(args, io) {
    const { values, positionals } = parseSome(args, OPTIONS);
    const [socket, ...words] = positionals;
    if (!socket) throw new UsageError('It takes the socket of a monitor, and was given nothing');
    if (values.wait !== undefined && words.length === 0) {
      throw new UsageError('--wait needs a command to wait after');
    }
    const { wait, json } = values;
    return runQmp({ address: readAddress(socket), words, wait, json }, io);
  },
};

/** A path if it could be one, else host and port; `unix:` and `tcp:` before it as QEMU has them. */
function readAddress(text: string): SocketAddress {
  const path = text.startsWith('unix:') ? text.slice('unix:'.length) : undefined;
  if (path !== undefined) return { type: 'unix', path };
  const [, bracketed, plain, port] =
    /^(?:tcp:)?(?:\[([\da-f:]+)\]|([^:/[\]]+)):(\d{1,5})$/i.exec(text) ?? [];
  if (port === undefined) return { type: 'unix', path: text };
  return { type: 'inet', host: bracketed ?? plain ?? '', port: Number(port) };
}
