import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A temporary directory, readable for its owner only, that is there from the first file until close. */
export class SpoolDirectory {
  #directory: Promise<string> | undefined;
  #files = 0;

  /** The path of a new file; nothing is there yet. */
  async newFile(): Promise<string> {
    this.#directory ??= mkdtemp(join(tmpdir(), 'caisson-images-'));
    this.#files += 1;
    return join(await this.#directory, `${this.#files}.tar`);
  }

  /** Removes the directory with all its files. */
  async close(): Promise<void> {
    const directory = this.#directory;
    this.#directory = undefined;
    if (directory !== undefined) await rm(await directory, { recursive: true, force: true });
  }
}
