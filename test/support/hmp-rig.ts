/** The human monitor without terminals: what is typed is a line, and what is printed a text. */

import type { CommandRegistry, MonitorContext } from '../../src/monitor/command.ts';
import type { HmpCommand } from '../../src/monitor/hmp/command.ts';
import { hmpCommands } from '../../src/monitor/hmp/commands/index.ts';
import { interpret } from '../../src/monitor/hmp/interpreter.ts';
import { QemuIo } from '../../src/monitor/hmp/io/qemu-io.ts';
import type { JsonObject } from '../../src/wire/qmp/json-value.ts';
import { MachineRig } from './machine-rig.ts';
import { monitorContext } from './monitor-rig.ts';

/** Two rates and a time, which nobody knows beforehand. */
const RATES = /, 1 ops; .*/g;

export class HmpRig implements AsyncDisposable {
  readonly rig = new MachineRig();
  readonly context: MonitorContext;
  /** Commands of QMP that were given, with their arguments. */
  readonly asked: [name: string, given: JsonObject][] = [];
  #printed = '';
  #complained = '';

  /** @param answers Of the commands of QMP that there are, by their names. */
  constructor(answers: Readonly<Record<string, () => unknown>> = {}) {
    const commands: CommandRegistry = Object.fromEntries(
      Object.entries(answers).map(([name, answer]) => {
        const execute = async (given: JsonObject) => {
          this.asked.push([name, given]);
          return answer();
        };
        // Nobody looks at the rest of it here.
        return [name, { name, execute } as unknown as CommandRegistry[string]];
      }),
    );
    const qemuIo = new QemuIo({
      print: (text) => {
        this.#printed += text;
      },
      complain: (text) => {
        this.#complained += text;
      },
    });
    this.context = { ...monitorContext(this.rig.machine, commands), qemuIo };
  }

  /** Carries out a line. @returns What the monitor prints, and then whether it says no more. */
  async type(
    line: string,
    {
      commands = hmpCommands,
      history = [] as readonly string[],
    }: {
      readonly commands?: readonly HmpCommand[];
      readonly history?: readonly string[];
    } = {},
  ): Promise<string> {
    let printed = '';
    const print = (text: string) => {
      printed += text;
    };
    const outcome = await interpret(line, commands, { monitor: this.context, history, print });
    return outcome === 'over' ? `${printed}(over)` : printed;
  }

  /** @returns What `qemu-io` has printed since the last time, without rates. */
  takePrinted(): string {
    const text = this.#printed.replace(RATES, '');
    this.#printed = '';
    return text;
  }

  /** @returns What it has complained of since the last time. */
  takeComplaints(): string {
    const text = this.#complained;
    this.#complained = '';
    return text;
  }

  /** Has a command of `qemu-io` carried out on a disk. @returns All that it says, anywhere. */
  async io(disk: string, command: string): Promise<string> {
    const reported = await this.type(`qemu-io ${disk} "${command}"`);
    return this.takeComplaints() + this.takePrinted() + reported;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.rig[Symbol.asyncDispose]();
  }
}
