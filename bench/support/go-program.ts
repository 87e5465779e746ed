import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { measure } from './measure.ts';

/** A Go program at a version, by the import path of its main package. */
export interface GoProgram {
  readonly path: string;
  readonly version: string;
}

/**
 * A program built from the Go module proxy, outside the repository: made once and kept in the cache directory. Undefined
 * when there is no Go. Throws what Go says when it cannot be built.
 */
export async function goProgram(wanted: GoProgram): Promise<string | undefined> {
  const { path, version } = wanted;
  const directory = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'caisson', 'bench', version);
  const program = join(directory, path.slice(path.lastIndexOf('/') + 1));
  if (existsSync(program)) return program;
  try {
    await measure(['go', 'version']);
  } catch {
    return undefined;
  }
  mkdirSync(directory, { recursive: true });
  try {
    await measure(['go', 'install', `${path}@${version}`], { env: { GOBIN: directory } });
  } catch (error) {
    // A module that replaces others can only be built as the main module.
    if (!(error instanceof Error) || !error.message.includes('replace directives')) throw error;
    await buildAsMainModule(wanted, directory, program);
  }
  return program;
}

/** Builds in a copy of the module, with its own go.mod, which is in force there. */
async function buildAsMainModule({ path, version }: GoProgram, directory: string, program: string): Promise<void> {
  const { module, source } = await downloadModule(path, version);
  const copy = join(directory, 'source');
  rmSync(copy, { recursive: true, force: true });
  try {
    await measure(['cp', '-r', '--no-preserve=mode', source, copy]);
    await measure(['go', 'build', '-mod=mod', '-o', program, `.${path.slice(module.length)}`], { cwd: copy });
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** The module that holds a package: the longest beginning of its path for which the proxy has one. */
async function downloadModule(path: string, version: string): Promise<{ readonly module: string; readonly source: string }> {
  const parts = path.split('/');
  let failure: unknown;
  for (let length = parts.length; length > 1; length -= 1) {
    const module = parts.slice(0, length).join('/');
    try {
      const { stdout } = await measure(['go', 'mod', 'download', '-json', `${module}@${version}`]);
      return { module, source: (JSON.parse(stdout) as { Dir: string }).Dir };
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}
