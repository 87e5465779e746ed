import { readRemoteFile, removeRemoteFile, type Host } from '../../host/index.ts';
import type { PackageToolOptions } from './package-manager.ts';

/**
 * File on a host with the packages that a removal is removing. An interrupted removal leaves it, and the next one
 * continues with these packages.
 */
const REMOVING = '/var/lib/caisson/removing-packages';

/** A package tool on one host, for a removal. */
export interface RemovalTool {
  /** Those packages that have files on the host, also when an interrupted run left them half-installed. */
  present(names: readonly string[]): Promise<readonly string[]>;
  recover(): Promise<void>;
  /** Packages that would go with these because they need them, and these. */
  wouldRemove(names: readonly string[]): Promise<readonly string[]>;
  /** Packages that nothing needs once these are gone, and that something needs now. */
  unneededWithout(names: readonly string[]): Promise<readonly string[]>;
  remove(names: readonly string[]): Promise<void>;
  /** Called after each removal, also where nothing was left to remove: forgets notes about packages that are gone. */
  settle?(): Promise<void>;
}

/**
 * Removes packages, and the dependencies that no package needs after that. Dependencies that were unneeded before stay. A
 * package that another package needs, which Caisson did not install, stays with a note.
 */
export async function removeWith(tool: RemovalTool, host: Host, names: readonly string[], options: PackageToolOptions): Promise<void> {
  const { signal } = options;
  const begun = (await readRemoteFile(host, REMOVING, { signal }))?.split('\n').filter((name) => name !== '') ?? [];
  const present = await tool.present([...new Set([...names, ...begun])]);
  if (present.length > 0) {
    await tool.recover();
    const ours = await withoutNeeded(tool, host, present, options);
    const going = ours.length === 0 ? [] : [...ours, ...(await tool.unneededWithout(ours))];
    await host.upload(going.map((name) => `${name}\n`).join(''), REMOVING, { mode: 0o600, onlyWriter: true, signal });
    if (going.length > 0) await tool.remove(going);
  }
  await tool.settle?.();
  if (present.length > 0 || begun.length > 0) await removeRemoteFile(host, REMOVING, { signal });
}

/** Returns those of our packages that no other package needs. */
async function withoutNeeded(
  tool: RemovalTool,
  host: Host,
  ours: readonly string[],
  options: PackageToolOptions,
): Promise<readonly string[]> {
  const others = (await tool.wouldRemove(ours)).filter((name) => !ours.includes(name));
  if (others.length === 0) return ours;
  const free: string[] = [];
  for (const name of ours) {
    const along = await tool.wouldRemove([name]);
    if (!along.some((other) => others.includes(other))) free.push(name);
    else options.emit({ type: 'note', message: `Leaving package "${name}" on ${host.name}: ${others.join(', ')} needs it` });
  }
  return free;
}
