import { randomInt } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import * as z from 'zod';
import { CaissonError } from '../core/index.ts';
import { ifPresent, joinInside, writeFileAtomic } from '../io/index.ts';

/** A change of a secret that is under way: both values are kept until every program has taken the new one. */
export interface SecretChange {
  readonly name: string;
  /** The value before the change. */
  readonly old: string;
  /** The value after it. */
  readonly new: string;
}

const changeSchema = z.strictObject({ old: z.string().min(1), new: z.string().min(1) });

/** Ending of the file that keeps both values of a change. */
const CHANGE = '.change';

const ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789';

/** Generated passwords on the seed: one file each, readable by root only. */
export interface SecretStore {
  /** Resolves to the secret, or to undefined when it has not been made. */
  peek(name: string): Promise<string | undefined>;
  /** Resolves to the secret. Makes it when there is none: `length` letters and digits, on disk before it is returned. */
  obtain(name: string, length: number): Promise<string>;
  /** Names of the secrets on disk, sorted. */
  names(): Promise<readonly string[]>;
  /** Resolves to the time at which the present value was written on this machine. Undefined when there is none. */
  since(name: string): Promise<Date | undefined>;
  /** The change of a secret that is under way; undefined when there is none. Throws as `changes` does. */
  change(name: string): Promise<SecretChange | undefined>;
  /** The changes that are under way, sorted by name. Throws INPUT_INVALID for a file that cannot be understood. */
  changes(): Promise<readonly SecretChange[]>;
  /**
   * Keeps both values of a change on disk, in place of an earlier change that has the same two values. Throws
   * INPUT_CHANGED when the old value is not, or no longer, the one in force.
   */
  begin(change: SecretChange): Promise<void>;
  /** Puts the new value of a change in force and forgets the old one. A kill in between leaves the change under way. */
  settle(name: string): Promise<void>;
}

/** Makes a random value of `length` letters and digits. */
export function randomSecret(length: number): string {
  return Array.from({ length }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
}

export function openSecretStore(directory: string): SecretStore {
  const pathOf = (name: string): string => joinInside(directory, name);
  const peek = (name: string): Promise<string | undefined> => ifPresent(() => readFile(pathOf(name), 'utf8'));
  const entries = async (): Promise<readonly string[]> => ((await ifPresent(() => readdir(directory))) ?? []).sort();
  const write = async (name: string, text: string): Promise<void> => {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await writeFileAtomic(pathOf(name), text, { mode: 0o600 });
  };
  const changeOf = async (name: string): Promise<SecretChange | undefined> => {
    const text = await peek(`${name}${CHANGE}`);
    return text === undefined ? undefined : { name, ...parseChange(text, pathOf(`${name}${CHANGE}`)) };
  };
  return {
    peek,
    names: async () => (await entries()).filter((name) => !name.includes('.')),
    since: async (name) => (await ifPresent(() => stat(pathOf(name))))?.mtime,
    change: changeOf,
    changes: async () => {
      const names = (await entries()).flatMap((name) => (/^[^.]+\.change$/.test(name) ? [name.slice(0, -CHANGE.length)] : []));
      return (await Promise.all(names.map(changeOf))).flatMap((change) => change ?? []);
    },
    begin: async ({ name, old, new: next }) => {
      const before = await changeOf(name);
      const isTurned = before !== undefined && [before.old, before.new].includes(old) && [before.old, before.new].includes(next);
      if (!isTurned && (before !== undefined || (await peek(name)) !== old)) {
        throw new CaissonError('INPUT_CHANGED', `Cannot change the secret "${name}": another run changed it meanwhile`, {
          hint: 'Nothing was changed on any host. Run the command again',
        });
      }
      await write(`${name}${CHANGE}`, JSON.stringify({ old, new: next }));
    },
    settle: async (name) => {
      const change = await changeOf(name);
      if (change === undefined) return;
      if ((await peek(name)) !== change.new) await write(name, change.new);
      await rm(pathOf(`${name}${CHANGE}`), { force: true });
    },
    obtain: async (name, length) => {
      const known = await peek(name);
      if (known !== undefined) return known;
      const made = randomSecret(length);
      await write(name, made);
      return made;
    },
  };
}

/** The message names the file and shows nothing of its content. */
function parseChange(text: string, path: string): z.output<typeof changeSchema> {
  try {
    return changeSchema.parse(JSON.parse(text));
  } catch {
    throw new CaissonError('INPUT_INVALID', `Cannot use "${path}": it does not have the two values of a secret's change`, {
      hint: 'Put it back from a backup: the programs of the cluster take one of its two values',
    });
  }
}
