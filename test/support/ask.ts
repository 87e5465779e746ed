import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Names of Debian packages that differ from the name of their tool. */
const PACKAGES: Readonly<Record<string, string>> = {
  bsdtar: 'libarchive-tools',
  gpg: 'gnupg',
  gpgconf: 'gnupg',
  sha256sum: 'coreutils',
  stat: 'coreutils',
  ctr: 'containerd',
};

export interface Answer {
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a tool in a directory that also gets its temporary files. Throws with the tool's message when it ends with a
 * status other than 0, and with the name of the Debian package when the tool is missing.
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
