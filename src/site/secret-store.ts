import { randomInt } from 'node:crypto';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { errnoOf } from '../core/index.ts';
import { joinInside, writeFileAtomic } from '../io/index.ts';

const ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789';

/** Generated passwords, on the seed only: one file each, readable by root alone. */
export interface SecretStore {
  /** The secret, or undefined when it was never made. */
  peek(name: string): Promise<string | undefined>;
  /** The secret; made now (letters and digits, `length` of them) when there is none. */
  obtain(name: string, length: number): Promise<string>;
  /** Names of the secrets that were made. */
  names(): Promise<readonly string[]>;
}

export function openSecretStore(directory: string): SecretStore {
  const pathOf = (name: string): string => joinInside(directory, name);
  const peek = async (name: string): Promise<string | undefined> => {
    try {
      return await readFile(pathOf(name), 'utf8');
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  };
  return {
    peek,
    names: async () => {
      try {
        return (await readdir(directory)).filter((name) => !name.includes('.')).sort();
      } catch (error) {
        if (errnoOf(error) === 'ENOENT') return [];
        throw error;
      }
    },
    obtain: async (name, length) => {
      const known = await peek(name);
      if (known !== undefined) return known;
      const made = Array.from({ length }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await writeFileAtomic(pathOf(name), made, { mode: 0o600 });
      return made;
    },
  };
}
