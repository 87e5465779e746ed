import { posix } from 'node:path';
import { readRemoteFile, removeRemoteFile, type Host } from '../../../host/index.ts';
import { STATE } from '../../../site/index.ts';
import { aptGet } from './access.ts';
import { presentPackages } from './installed-versions.ts';
import type { PackageToolOptions } from '../package-manager.ts';
import { runPackageTool } from './tool.ts';

/**
 * File on a host with the packages that came with ours, one a line. It tells them from packages of the host that only look as
 * if they had come along: those that apt installed for others, too.
 */
const ALONG = posix.join(STATE, 'packages-along');

/**
 * Notes which packages `words`, an install of apt-get, will bring that the host does not have. Comes before the install, so that
 * an install that is killed has noted them.
 */
export async function noteAlong(host: Host, words: readonly string[], options: PackageToolOptions): Promise<void> {
  const { stdout } = await runPackageTool(host, aptGet(...words, '--simulate'), options);
  const known = await packagesAlong(host, options.signal);
  await writeAlong(host, known, [...new Set([...known, ...newPackages(stdout)])], options.signal);
}

/** Returns the packages that came with ours, as far as they were noted. */
export async function packagesAlong(host: Host, signal: AbortSignal): Promise<readonly string[]> {
  return (await readRemoteFile(host, ALONG, { signal }))?.split('\n').filter((name) => name !== '') ?? [];
}

/** Forgets the packages that are on the host no more. */
export async function settleAlong(host: Host, signal: AbortSignal): Promise<void> {
  const known = await packagesAlong(host, signal);
  if (known.length > 0) await writeAlong(host, known, await presentPackages(host, known, signal), signal);
}

async function writeAlong(host: Host, before: readonly string[], after: readonly string[], signal: AbortSignal): Promise<void> {
  const text = after.toSorted().map((name) => `${name}\n`);
  if (text.join('') === before.map((name) => `${name}\n`).join('')) return;
  if (after.length === 0) await removeRemoteFile(host, ALONG, { signal });
  else await host.upload(text.join(''), ALONG, { mode: 0o644, onlyWriter: true, signal });
}

/** Reads the names of packages that the host does not have from the output of `apt-get install --simulate`. */
export function newPackages(simulation: string): readonly string[] {
  return simulation.split('\n').flatMap((line) => /^Inst ([^\s:]+)(?::\S+)? \(/.exec(line)?.[1] ?? []);
}
