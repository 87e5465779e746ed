import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CaissonError, errnoOf, messageOf } from '../../core/index.ts';
import { ifPresent, readSecretFile, readTextFile } from '../../io/index.ts';

const KEY = '.key';
/** Name of the files of the site's authority. Those of other authorities have its name. */
const SITE_STEM = 'ca';

/** A file of the directory of authorities, by its name there. */
export interface AuthorityFile {
  readonly name: string;
  readonly text: string;
}

/**
 * Reads the keys of a site's authorities: of a directory, as the seed keeps them, all keys, certificates and generations; of a
 * file, the key of the site's authority, with the certificate beside it. Throws INPUT_UNREADABLE, and SECRET_EXPOSED for a key that
 * others can read.
 */
export async function readAuthorities(path: string): Promise<readonly AuthorityFile[]> {
  if (!(await isDirectoryAt(path))) {
    const certificate = await ifPresent(() => readTextFile(join(dirname(path), `${SITE_STEM}.crt`)));
    return [
      { name: `${SITE_STEM}${KEY}`, text: await readSecretFile(path) },
      ...(certificate === undefined ? [] : [{ name: `${SITE_STEM}.crt`, text: certificate }]),
    ];
  }
  const names = (await readdir(path)).filter((name) => /^[^.].*\.(?:key|crt|json)$/.test(name)).sort();
  if (!names.some((name) => name.endsWith(KEY))) {
    throw new CaissonError('INPUT_UNREADABLE', `Cannot use "${path}": it has no key of an authority`, {
      hint: `Name the copy of /var/lib/caisson/authorities of the seed, with ${SITE_STEM}${KEY}, or that file alone`,
    });
  }
  return Promise.all(
    names.map(async (name) => {
      const file = join(path, name);
      return { name, text: name.endsWith(KEY) ? await readSecretFile(file) : await readTextFile(file) };
    }),
  );
}

/** Reads the secrets in a directory, one file each, by name. Throws INPUT_UNREADABLE, and SECRET_EXPOSED. */
export async function readSecrets(directory: string): Promise<ReadonlyMap<string, string>> {
  if (!(await isDirectoryAt(directory))) {
    throw new CaissonError('INPUT_UNREADABLE', `Cannot use "${directory}" as secrets: it is not a directory`, {
      hint: 'Name the copy of /var/lib/caisson/secrets of the seed',
    });
  }
  const names = (await readdir(directory)).filter((name) => !name.includes('.')).sort();
  return new Map(
    await Promise.all(names.map(async (name): Promise<[string, string]> => [name, await readSecretFile(join(directory, name))])),
  );
}

/** True for a directory. */
async function isDirectoryAt(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (cause) {
    throw new CaissonError('INPUT_UNREADABLE', `Cannot read "${path}": ${messageOf(cause)}`, {
      cause,
      ...(errnoOf(cause) === 'EACCES' ? { hint: 'Run this as root' } : {}),
    });
  }
}
