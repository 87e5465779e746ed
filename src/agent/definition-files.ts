import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CaissonError, digestOf, errnoOf, messageOf, type Digest } from '../core/index.ts';
import { parseServiceFile } from './service-file.ts';
import type { ServiceDefinition } from './service-definition.ts';
import type { AgentProblem } from './status.ts';

const MAX_FILES = 1000;
const MAX_FILE_BYTES = 1024 * 1024;
const OTHERS_WRITE = 0o002;

/**
 * Returns the digest of a definition file. The status of the agent shows it, so that the writer of the file sees when
 * it is applied.
 */
export function definitionDigest(text: string): Digest {
  return digestOf(text);
}

/** The results of one load that the next load needs. */
export interface KnownDefinitions {
  /** Last text without mistakes of each file that exists, by path. */
  readonly accepted: Readonly<Record<string, string>>;
  /** Path of the file that defines each service, by name of the service. */
  readonly owners: Readonly<Record<string, string>>;
}

export interface LoadedDefinitions extends KnownDefinitions {
  /** Services in the order of their files' paths. A service whose name belongs to another file is left out and reported. */
  readonly definitions: readonly ServiceDefinition[];
  readonly problems: readonly AgentProblem[];
}

/**
 * Reads every .yaml and .yml file below the directory. For a file with mistakes, a problem is reported and its last
 * text without mistakes is used; when the directory cannot be listed, this holds for all files. Services of a removed
 * file are left out. A service belongs to the file that defined it before, as long as that file still does; another
 * file that defines it is a problem.
 */
export async function loadDefinitions(directory: string, before: KnownDefinitions): Promise<LoadedDefinitions> {
  const { accepted } = before;
  const problems: AgentProblem[] = [];
  const texts: Record<string, string> = {};
  const byFile: [string, readonly ServiceDefinition[]][] = [];
  const useAccepted = (file: string): void => {
    const text = accepted[file];
    if (text === undefined) return;
    texts[file] = text;
    byFile.push([file, parseServiceFile(text, file)]);
  };

  let files: readonly string[];
  try {
    files = await definitionFiles(directory);
  } catch (error) {
    problems.push({ about: directory, message: `Cannot list service definitions: ${messageOf(error)}` });
    Object.keys(accepted).sort().forEach(useAccepted);
    return { ...withoutDuplicates(byFile, before.owners, problems), accepted: texts };
  }
  for (const file of files) {
    try {
      const text = await readDefinitionFile(file);
      byFile.push([file, parseServiceFile(text, file)]);
      texts[file] = text;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') continue;
      problems.push({ about: file, message: messageOf(error) });
      useAccepted(file);
    }
  }
  return { ...withoutDuplicates(byFile, before.owners, problems), accepted: texts };
}

type ByFile = readonly (readonly [file: string, services: readonly ServiceDefinition[]])[];

function withoutDuplicates(
  byFile: ByFile,
  ownersBefore: KnownDefinitions['owners'],
  problems: readonly AgentProblem[],
): Pick<LoadedDefinitions, 'definitions' | 'owners' | 'problems'> {
  const owners = ownersOf(byFile, ownersBefore);
  const all = byFile.flatMap(([file, services]) => services.map((service) => ({ file, service, owner: owners.get(service.name) ?? file })));
  const duplicates = all
    .filter(({ file, owner }) => owner !== file)
    .map(({ file, service, owner }): AgentProblem => {
      const message = `Cannot use service "${service.name}" of "${file}": it is defined in "${owner}" already`;
      return { about: file, message };
    });
  return {
    definitions: all.filter(({ file, owner }) => owner === file).map(({ service }) => service),
    owners: Object.fromEntries(owners),
    problems: [...problems, ...duplicates],
  };
}

/** Returns the file of each service: the one that defined it before if it still does, else the first in order. */
function ownersOf(byFile: ByFile, before: KnownDefinitions['owners']): ReadonlyMap<string, string> {
  const owners = new Map<string, string>();
  for (const [file, services] of byFile) {
    for (const { name } of services)
      if (!owners.has(name) || (Object.hasOwn(before, name) && before[name] === file)) owners.set(name, file);
  }
  return owners;
}

async function definitionFiles(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true });
  const files = entries.filter((entry) => /\.ya?ml$/.test(entry) && !entry.split('/').some((part) => part.startsWith('.'))).sort();
  if (files.length > MAX_FILES) throw new Error(`it holds ${files.length} files, at most ${MAX_FILES} are read`);
  return files.map((file) => join(directory, file));
}

async function readDefinitionFile(file: string): Promise<string> {
  const stats = await statOrExplain(file);
  if (!stats.isFile()) {
    const what = stats.isDirectory() ? 'a directory' : 'not a regular file';
    throw new CaissonError('INPUT_UNREADABLE', `Cannot use "${file}": it is ${what}, and definitions are read from files`, {
      hint: stats.isDirectory() ? 'Give the directory a name that does not end in .yaml' : 'Remove it',
    });
  }
  const { size, mode } = stats;
  if (size > MAX_FILE_BYTES) {
    throw new CaissonError('LIMIT_EXCEEDED', `Cannot use "${file}": it is ${size} bytes long, at most ${MAX_FILE_BYTES} are read`);
  }
  if ((mode & OTHERS_WRITE) !== 0) {
    throw new CaissonError('INPUT_UNREADABLE', `Cannot use "${file}": everybody may write to it, and its commands run as root`, {
      hint: `chmod o-w ${file}`,
    });
  }
  return readFile(file, 'utf8');
}

/**
 * Returns the stats of a file. Throws ENOENT for a missing file, and INPUT_UNREADABLE for a link whose target does not
 * exist.
 */
async function statOrExplain(file: string): Promise<Stats> {
  try {
    return await stat(file);
  } catch (cause) {
    if (errnoOf(cause) !== 'ENOENT') throw cause;
    const target = await readlink(file).catch(() => undefined);
    if (target === undefined) throw cause;
    throw new CaissonError('INPUT_UNREADABLE', `Cannot use "${file}": it is a link to "${target}", which does not exist`, {
      cause,
      hint: `Restore the file that the link names, or remove the link: rm ${file}`,
    });
  }
}

/** Returns a digest that changes when a definition file is added, removed or written. Does not read the contents. */
export async function definitionsDigest(directory: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    for (const file of await definitionFiles(directory)) hash.update(`${file}\0${await fileMark(file)}\n`);
  } catch (error) {
    // A directory that cannot be listed gives a digest of the error, which changes when it can be listed again.
    hash.update(errnoOf(error) ?? messageOf(error));
  }
  return hash.digest('hex');
}

async function fileMark(file: string): Promise<string> {
  try {
    const { ino, mode, size, mtimeMs, ctimeMs } = await stat(file);
    return `${ino} ${mode} ${size} ${mtimeMs} ${ctimeMs}`;
  } catch (error) {
    // The file was removed after the listing, or is a link to a missing file. The digest of the other files goes on.
    return errnoOf(error) ?? messageOf(error);
  }
}
