import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { goProgram } from '../../bench/support/go-program.ts';

const run = promisify(execFile);

/** Runs oras in a directory. Throws with its message when it ends with a status other than 0. */
export type Oras = (directory: string, ...words: readonly string[]) => Promise<string>;

/** oras, built from its module once and kept in the cache directory (40 s of one core, at most). Throws where there is no Go. */
export async function openOras(): Promise<Oras> {
  const program = await goProgram({ path: 'oras.land/oras/cmd/oras', version: 'v1.2.3' });
  if (program === undefined) throw new Error('this test asks oras: install Go, with which it is built');
  return async (directory, ...words) => {
    const env = { PATH: process.env['PATH'], HOME: directory, DOCKER_CONFIG: directory };
    return (await run(program, words, { cwd: directory, env, maxBuffer: 2 ** 24 })).stdout;
  };
}
