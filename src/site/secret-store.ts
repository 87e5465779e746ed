import { randomInt } from 'node:crypto';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { errnoOf } from '../core/index.ts';
import { joinInside, writeFileAtomic } from '../io/index.ts';

const ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789';

/** Generated passwords on the seed: one file each, readable by root only. */
export interface SecretStore {
  /** Resolves to the secret, or to undefined when it has not been made. */
  peek(name: string): Promise<string | undefined>;
  /** Resolves to the secret. Makes it when there is none: `length` letters and digits, on disk before it is returned. */
  obtain(name: string, length: number): Promise<string>;
  /** Names of the secrets on disk, sorted. */
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
