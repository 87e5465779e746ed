import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { measure } from './measure.ts';

/** A Go program at a version, by the import path of its main package. */
export interface GoProgram {
  readonly path: string;
  readonly version: string;
}

/**
 * A program built with `go install` from the Go module proxy, outside the repository: made once and kept in the cache
 * directory. Undefined when there is no Go. Throws when it cannot be built.
 */
export async function goProgram({ path, version }: GoProgram): Promise<string | undefined> {
  const directory = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'caisson', 'bench', version);
  const program = join(directory, path.slice(path.lastIndexOf('/') + 1));
  if (existsSync(program)) return program;
  try {
    await measure(['go', 'version']);
  } catch {
    return undefined;
  }
  mkdirSync(directory, { recursive: true });
  await measure(['go', 'install', `${path}@${version}`], { env: { GOBIN: directory } });
  return program;
}
