/**
 * The monitor of a machine: its commands, the chardevs through which clients come, and what it
 * tells all of them.
 */

import { BlockError } from '../base/errors.ts';
import type { Machine } from '../machine/machine.ts';
import { enumeration, optional, struct } from '../wire/qapi/composites.ts';
import { bool, str } from '../wire/qapi/scalars.ts';
import type { ValueOf } from '../wire/qapi/type.ts';
import type { FrontEnd } from './chardev/chardev.ts';
import { Chardevs } from './chardev/chardevs.ts';
import type { ChardevWorld } from './chardev/open.ts';
import type { CommandRegistry, MonitorContext } from './command.ts';
import { Dispatcher } from './dispatcher.ts';
import { EventFeed } from './event-feed.ts';
import type { IoOutput } from './hmp/io/command.ts';
import { QemuIo } from './hmp/io/qemu-io.ts';
import { HmpSession } from './hmp/session.ts';
import { QmpSession } from './session.ts';

/** How a chardev is made a monitor: QEMU's MonitorOptions. */
export const monitorOptions = struct('MonitorOptions', {
  id: optional(str),
  mode: optional(enumeration('MonitorMode', ['readline', 'control'])),
  pretty: optional(bool),
  chardev: str,
});

/** What a monitor is put together from. */
export interface MonitorParts {
  readonly machine: Machine;
  readonly commands: CommandRegistry;
  readonly world: Omit<ChardevWorld, 'credentials'>;
  /** Where the human monitor's `qemu-io` tells what it has done. */
  readonly output: IoOutput;
  /** Ends the machine, and arranges for the end of the program. */
  readonly quit: () => Promise<void>;
}

export class Monitor {
  /** What commands work on. */
  readonly context: MonitorContext;
  readonly #dispatcher: Dispatcher;
  readonly #events: EventFeed;

  constructor({ machine, commands, world, output, quit }: MonitorParts) {
    this.context = {
      machine,
      commands,
      chardevs: new Chardevs({ ...world, credentials: machine.credentials }),
      qemuIo: new QemuIo(output),
      quit: () => {
        this.#dispatcher.stop();
        return quit();
      },
    };
    this.#dispatcher = new Dispatcher(this.context);
    this.#events = new EventFeed(machine);
  }

  /**
   * Makes a chardev a monitor.
   *
   * @throws {BlockError} `ENOENT` when there is none of that id, `EBUSY` for one in use, `EINVAL`
   *   for options that do not go together.
   */
  open({ chardev, mode = 'control', pretty = false }: ValueOf<typeof monitorOptions>): void {
    const found = this.context.chardevs.find(chardev);
    if (mode === 'control') {
      found.attach(this.#control(pretty));
      return;
    }
    if (pretty) {
      const rule = "'pretty' is not compatible with HMP monitors";
      throw new BlockError('EINVAL', 'open a monitor', rule);
    }
    found.attach(this.#readline());
  }

  /** Ends all connections once what was said is sent. */
  async close(): Promise<void> {
    this.#dispatcher.stop();
    await this.context.chardevs.close();
  }

  /** What speaks QMP. */
  #control(pretty: boolean): FrontEnd {
    const parts = { dispatcher: this.#dispatcher, events: this.#events, pretty };
    return (connection, onClosed) => new QmpSession(connection, { ...parts, onClosed });
  }

  /** What speaks with people. */
  #readline(): FrontEnd {
    const parts = { dispatcher: this.#dispatcher, context: this.context };
    return (connection, onClosed) => new HmpSession(connection, { ...parts, onClosed });
  }
}
