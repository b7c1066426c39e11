/**
 * The options of `mirrordisk daemon` that are about guests: drives, devices, their machine.
 *
 * As in QEMU a device may be asked for before there is its drive: devices are made when all other
 * options have been processed, first those of `--device` and then those of drives.
 */

import { BlockError } from '../base/errors.ts';
import { addDevice } from '../machine/device-models.ts';
import type { Machine } from '../machine/machine.ts';
import { openDrive } from '../machine/open-drive.ts';
import { type OptionList, parseOptionList } from '../wire/options/option-list.ts';
import type { Notation } from '../wire/qapi/type.ts';
import { parseJson } from '../wire/qmp/json-reader.ts';
import { isJsonObject, type JsonObject } from '../wire/qmp/json-value.ts';
import { readDrive } from './daemon-drive.ts';

/** A device that is to be made. */
export interface LaterDevice {
  /** The option that it was asked for by. */
  readonly location: string | undefined;
  /** @throws {BlockError} When it cannot be. */
  make(): void;
}

/** What the options say of the guest, while they are processed. */
export class GuestSetup {
  readonly #machine: Machine;
  readonly #warn: (text: string) => void;
  readonly #taken = { drive: new Set<string>(), device: new Set<string>() };
  /** Which places there are drives at, on each bus. */
  readonly #places = { none: new Set<number>(), virtio: new Set<number>() };
  readonly #devices: LaterDevice[] = [];
  readonly #driveDevices: LaterDevice[] = [];

  constructor(machine: Machine, warn: (text: string) => void) {
    this.#machine = machine;
    this.#warn = warn;
  }

  /** Devices in the order in which they are to be made. */
  get devices(): readonly LaterDevice[] {
    return [...this.#devices, ...this.#driveDevices];
  }

  /** `--drive` @throws {BlockError} When it cannot be made. */
  async addDrive(text: string, location?: string): Promise<void> {
    const list = this.#parse(text, 'drive');
    const { place, name: given, ...start } = readDrive(list);
    if (start.copyOnRead && start.readOnly) {
      this.#warn('warning: disabling copy-on-read on read-only drive');
    }
    const places = this.#places[place.bus];
    const index = place.index ?? firstFree(places);
    if (places.has(index)) {
      const where = `bus=0, unit=${index} (index=${index})`;
      throw new BlockError('EEXIST', 'make the drive', `drive with ${where} exists`);
    }
    places.add(index);
    const name = given ?? `${place.bus}${index}`;
    await openDrive(this.#machine, { ...start, name });
    if (place.bus === 'none') return;
    const wanted = { driver: 'virtio-blk', drive: name };
    this.#driveDevices.push(this.#later(wanted, 'keyval', location));
  }

  /** `--device` @throws {BlockError} For what are no options of a device. */
  addDevice(text: string, location?: string): void {
    const { values, notation } = this.#readDevice(text);
    this.#devices.push(this.#later(values, notation, location));
  }

  /** `--name`: of what QEMU names besides, such as threads, there is nothing here. */
  nameMachine(text: string): void {
    const { options } = parseOptionList(text, { impliedName: 'guest' });
    for (const { name, value } of options) {
      if (name === 'guest') this.#machine.name = value;
      else if (name !== 'process' && name !== 'debug-threads') {
        throw new BlockError('EINVAL', 'name the machine', `Invalid parameter '${name}'`);
      }
    }
  }

  #later(given: JsonObject, notation: Notation, location: string | undefined): LaterDevice {
    const make = () => void addDevice(this.#machine, { given, notation, isHotplug: false });
    return { location, make };
  }

  #readDevice(text: string): { readonly values: JsonObject; readonly notation: Notation } {
    if (text.startsWith('{')) {
      const value = parseJson(text);
      return { values: isJsonObject(value) ? value : {}, notation: 'json' };
    }
    const { id, options } = this.#parse(text, 'device');
    const properties = Object.fromEntries(options.map(({ name, value }) => [name, value]));
    return { values: { ...properties, ...(id !== undefined && { id }) }, notation: 'keyval' };
  }

  #parse(text: string, what: 'drive' | 'device'): OptionList {
    const list = parseOptionList(text, what === 'device' ? { impliedName: 'driver' } : {});
    for (const warning of list.warnings) this.#warn(`warning: ${warning}`);
    const { id } = list;
    if (id === undefined) return list;
    if (this.#taken[what].has(id)) {
      throw new BlockError('EEXIST', `make the ${what}`, `Duplicate ID '${id}' for ${what}`);
    }
    this.#taken[what].add(id);
    return list;
  }
}

function firstFree(places: ReadonlySet<number>): number {
  let index = 0;
  while (places.has(index)) index += 1;
  return index;
}
