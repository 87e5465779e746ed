import { readRemoteFile, removeRemoteFile, type Host } from '../../../host/index.ts';
import { aptGet } from './access.ts';
import { packagesAlong, settleAlong } from './along.ts';
import { recoverPackages, runPackageTool } from './tool.ts';
import { presentPackages } from './installed-versions.ts';
import type { PackageToolOptions } from '../package-manager.ts';

/**
 * File on a host with the packages that a removal is removing. An interrupted removal leaves it, and the next one
 * continues with these packages.
 */
const REMOVING = '/var/lib/caisson/removing-packages';

/**
 * Removes packages, and the dependencies that no package needs after that. Dependencies that were unneeded before stay. A
 * package that another package needs, which Caisson did not install, stays with a note.
 */
export async function removePackages(
  host: Host,
  names: readonly string[],
  options: PackageToolOptions & { readonly purge: boolean },
): Promise<void> {
  const { signal } = options;
  const begun = (await readRemoteFile(host, REMOVING, { signal }))?.split('\n').filter((name) => name !== '') ?? [];
  const present = await presentPackages(host, [...new Set([...names, ...begun])], signal);
  if (present.length > 0) {
    await recoverPackages(host, options);
    const going = await allGoing(host, await withoutNeeded(host, present, options), options);
    await host.upload(going.map((name) => `${name}\n`).join(''), REMOVING, { mode: 0o600, onlyWriter: true, signal });
    if (going.length > 0) await runPackageTool(host, aptGet(options.purge ? 'purge' : 'remove', ...going), options);
  }
  await settleAlong(host, signal);
  if (present.length > 0 || begun.length > 0) await removeRemoteFile(host, REMOVING, { signal });
}

/** apt keeps packages that others only suggest or recommend; one that came with ours goes all the same. */
const NEEDED_ALONE = ['-o', 'APT::AutoRemove::SuggestsImportant=false', '-o', 'APT::AutoRemove::RecommendsImportant=false'];

/** Returns these packages and those that came with them and become unneeded when they are removed. */
async function allGoing(host: Host, ours: readonly string[], options: PackageToolOptions): Promise<readonly string[]> {
  if (ours.length === 0) return [];
  const along = new Set(await packagesAlong(host, options.signal));
  if (along.size > 0) {
    const unneeded = await wouldRemove(host, ['remove', '--auto-remove', ...NEEDED_ALONE, ...ours], options);
    return [...ours, ...unneeded.filter((name) => !ours.includes(name) && along.has(name))];
  }
  // An earlier version noted none.
  const before = await wouldRemove(host, ['autoremove'], options);
  const removed = await wouldRemove(host, ['remove', '--auto-remove', ...ours], options);
  return [...ours, ...removed.filter((name) => !ours.includes(name) && !before.includes(name))];
}

/** Returns those of our packages that no other package needs. */
async function withoutNeeded(host: Host, ours: readonly string[], options: PackageToolOptions): Promise<readonly string[]> {
  const others = (await wouldRemove(host, ['remove', ...ours], options)).filter((name) => !ours.includes(name));
  if (others.length === 0) return ours;
  const free: string[] = [];
  for (const name of ours) {
    const along = await wouldRemove(host, ['remove', name], options);
    if (!along.some((other) => others.includes(other))) free.push(name);
    else options.emit({ type: 'note', message: `Leaving package "${name}" on ${host.name}: ${others.join(', ')} needs it` });
  }
  return free;
}

/** Asks apt-get which packages a command would remove. */
async function wouldRemove(host: Host, words: readonly string[], options: PackageToolOptions): Promise<readonly string[]> {
  const { stdout } = await runPackageTool(host, aptGet(...words, '--simulate'), options);
  return removedPackages(stdout);
}

/** Reads the names of removed packages from the output of `apt-get --simulate`. */
export function removedPackages(simulation: string): readonly string[] {
  return simulation.split('\n').flatMap((line) => /^(?:Remv|Purg) (\S+)/.exec(line)?.[1] ?? []);
}
