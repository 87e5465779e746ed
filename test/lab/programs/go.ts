import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run, which } from '../run.ts';
import { cacheDirectory } from '../state.ts';

/** The least release that builds the programs; flannel asks for it. */
const LEAST = [1, 26] as const;
/** The release that is fetched where this machine has none, as the proxy of modules has it. */
const RELEASE = 'v0.0.1-go1.26.8.linux-amd64';
const SHA256 = '30c2b1bf7dcc88d3eb0a1364e47ddd9128edb3110a30e8a0ef61cd5856b31de7';

/**
 * The directory that holds the program `go`, 1.26 or newer: of this machine's path, or from the proxy of modules (GOPROXY, 72 MB), which is kept
 * in the cache. Throws when it cannot be fetched, or when it is not the one that is pinned here.
 */
export async function ensureGo(say: (line: string) => void): Promise<string> {
  const own = await which('go');
  if (own !== undefined && (await isRecent(own))) return dirname(own);
  const kept = cacheDirectory('programs');
  const directory = join(kept, `go-${RELEASE}`);
  if (!existsSync(directory)) await fetchGo(directory, kept, say);
  return join(directory, 'bin');
}

async function isRecent(go: string): Promise<boolean> {
  const { stdout } = await run([go, 'version'], { env: { GOTOOLCHAIN: 'local' }, expect: 'any' });
  const [, major = '0', minor = '0'] = /\bgo(\d+)\.(\d+)/.exec(stdout) ?? [];
  return Number(major) > LEAST[0] || (Number(major) === LEAST[0] && Number(minor) >= LEAST[1]);
}

async function fetchGo(directory: string, kept: string, say: (line: string) => void): Promise<void> {
  const proxy = (process.env['GOPROXY'] ?? '').split(/[,|]/).find((entry) => entry.startsWith('http')) ?? '';
  say(`Fetching Go from ${proxy}`);
  const work = await mkdtemp(join(kept, '.go-'));
  try {
    const archive = join(work, 'go.zip');
    await run(['curl', '-fsSL', '--retry', '5', '-o', archive, `${proxy}/golang.org/toolchain/@v/${RELEASE}.zip`]);
    const digest = createHash('sha256')
      .update(await readFile(archive))
      .digest('hex');
    if (digest !== SHA256)
      throw new Error(`${proxy} has another archive of Go than the one that is pinned: SHA-256 ${digest}, not ${SHA256}`);
    await run(['bsdtar', '-xf', archive, '-C', work]);
    await rename(join(work, `golang.org/toolchain@${RELEASE}`), directory);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
