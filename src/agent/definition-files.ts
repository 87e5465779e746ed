import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CaissonError, digestOf, errnoOf, messageOf, type Digest } from '../core/index.ts';
import { parseServiceFile } from './service-file.ts';
import type { ServiceDefinition } from './service-definition.ts';
import type { AgentProblem } from './status.ts';

const MAX_FILES = 1000;
const MAX_FILE_BYTES = 1024 * 1024;
const OTHERS_WRITE = 0o002;

/** Names the content of a definition file in the status of the agent, so that whoever wrote the file sees that it is applied. */
export function definitionDigest(text: string): Digest {
  return digestOf(text);
}

export interface LoadedDefinitions {
  /** By file, in lexical order; a name that is taken already is left out and reported. */
  readonly definitions: readonly ServiceDefinition[];
  /** The file that each service is taken from, by name of the service. */
  readonly owners: Readonly<Record<string, string>>;
  readonly problems: readonly AgentProblem[];
  /** The last good text of every file that is there, to be given to the next load. */
  readonly accepted: Readonly<Record<string, string>>;
}

/**
 * Reads every .yaml file below the directory. A file with mistakes is a problem, and its last good text stays in force; so
 * does everything when the directory itself cannot be read. A file that is gone takes its services with it.
 */
export async function loadDefinitions(directory: string, accepted: Readonly<Record<string, string>>): Promise<LoadedDefinitions> {
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
    return { ...withoutDuplicates(byFile, problems), accepted: texts };
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
  return { ...withoutDuplicates(byFile, problems), accepted: texts };
}

function withoutDuplicates(
  byFile: readonly (readonly [string, readonly ServiceDefinition[]])[],
  problems: readonly AgentProblem[],
): Pick<LoadedDefinitions, 'definitions' | 'owners' | 'problems'> {
  const owners = new Map<string, string>();
  const definitions: ServiceDefinition[] = [];
  const duplicates: AgentProblem[] = [];
  for (const [file, services] of byFile) {
    for (const service of services) {
      const owner = owners.get(service.name);
      if (owner === undefined) {
        owners.set(service.name, file);
        definitions.push(service);
      } else {
        duplicates.push({ about: file, message: `Cannot use service "${service.name}": it is defined in "${owner}" already` });
      }
    }
  }
  return { definitions, owners: Object.fromEntries(owners), problems: [...problems, ...duplicates] };
}

async function definitionFiles(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true });
  const files = entries.filter((entry) => /\.ya?ml$/.test(entry) && !entry.split('/').some((part) => part.startsWith('.'))).sort();
  if (files.length > MAX_FILES) throw new Error(`it holds ${files.length} files, at most ${MAX_FILES} are read`);
  return files.map((file) => join(directory, file));
}

async function readDefinitionFile(file: string): Promise<string> {
  const { size, mode } = await stat(file);
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

/** Changes whenever a definition file appears, goes or is written; reads no contents. */
export async function definitionsDigest(directory: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    for (const file of await definitionFiles(directory)) {
      const { ino, mode, size, mtimeMs, ctimeMs } = await stat(file);
      hash.update(`${file}\0${ino} ${mode} ${size} ${mtimeMs} ${ctimeMs}\n`);
    }
  } catch (error) {
    // A file that went between the two looks, or a directory that is away: the next look tells.
    hash.update(errnoOf(error) ?? messageOf(error));
  }
  return hash.digest('hex');
}
