/** An ext4 file system on a raw image, as the tools of e2fsprogs see it. */

import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tool } from '../support/tools.ts';
import type { Files } from './history.ts';

/** The programs that it takes. */
export interface Ext4Tools {
  readonly e2fsck: Tool;
  readonly debugfs: Tool;
}

export class Ext4Image {
  readonly path: string;
  readonly #tools: Ext4Tools;

  constructor(path: string, tools: Ext4Tools) {
    this.path = path;
    this.#tools = tools;
  }

  /** @throws {Error} If it was not unmounted, or anything is wrong with it. */
  async check(): Promise<void> {
    const { stdout, stderr } = await this.#tools.e2fsck(['-fn', this.path]);
    const said = stdout + stderr;
    if (/journal recovery/.test(said)) throw new Error(`It was not unmounted:\n${said}`);
  }

  /**
   * Does what is done after a power cut: replays the journal, and finishes to remove files that
   * were open.
   *
   * @throws {Error} If that leaves anything wrong with it.
   */
  async recover(): Promise<void> {
    await this.#tools.e2fsck(['-fp', this.path], { exitCodes: [0, 1] });
    await this.check();
  }

  /** @returns The files in those folders, by their paths: `folder/name`. */
  async files(...folders: readonly string[]): Promise<Files> {
    // Beside the image: whoever removes that removes this.
    const place = await mkdtemp(`${this.path}-files-`);
    const files = new Map<string, string>();
    for (const folder of folders) {
      await this.#tools.debugfs(['-R', `rdump /${folder} .`, this.path], { cwd: place });
      for (const name of await readdir(join(place, folder))) {
        const bytes = await readFile(join(place, folder, name));
        files.set(`${folder}/${name}`, createHash('sha256').update(bytes).digest('hex'));
      }
    }
    return files;
  }
}
