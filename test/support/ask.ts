import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** What to install when a tool is missing, where the Debian package has another name. */
const PACKAGES: Readonly<Record<string, string>> = {
  bsdtar: 'libarchive-tools',
  sha256sum: 'coreutils',
  ctr: 'containerd',
};

export interface Answer {
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Asks a tool as a black box, from a directory in which it also puts its temporary files. Throws with its message when it
 * ends with another status than 0, and with the name of the Debian package when it is not there.
 */
export async function ask(directory: string, tool: string, ...argv: readonly string[]): Promise<Answer> {
  const env = { ...process.env, TMPDIR: directory, TZ: 'UTC', LC_ALL: 'C' };
  try {
    return await execute(tool, argv, { cwd: directory, env, maxBuffer: 2 ** 26 });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      throw new Error(`this test asks ${tool}: install the Debian package ${PACKAGES[tool] ?? tool}`, { cause: error });
    }
    throw error;
  }
}
