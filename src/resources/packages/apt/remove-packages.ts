import type { Host } from '../../../host/index.ts';
import type { PackageToolOptions } from '../package-manager.ts';
import type { RemovalTool } from '../remove-packages.ts';
import { aptGet } from './access.ts';
import { packagesAlong, settleAlong } from './along.ts';
import { presentPackages } from './installed-versions.ts';
import { recoverPackages, runPackageTool } from './tool.ts';

/** apt keeps packages that others only suggest or recommend; one that came with ours goes all the same. */
const NEEDED_ALONE = ['--option=APT::AutoRemove::SuggestsImportant=false', '--option=APT::AutoRemove::RecommendsImportant=false'];

/** The removal of packages by apt-get; `purge` removes their configuration, too. */
export function aptRemoval(host: Host, options: PackageToolOptions & { readonly purge: boolean }): RemovalTool {
  /** Asks apt-get which packages a command would remove. */
  const wouldRemove = async (...words: readonly string[]): Promise<readonly string[]> => {
    const { stdout } = await runPackageTool(host, aptGet(...words, '--simulate'), options);
    return removedPackages(stdout);
  };
  return {
    present: (names) => presentPackages(host, names, options.signal),
    recover: () => recoverPackages(host, options),
    wouldRemove: (names) => wouldRemove('remove', ...names),
    unneededWithout: async (names) => {
      const along = new Set(await packagesAlong(host, options.signal));
      if (along.size > 0) {
        const unneeded = await wouldRemove('remove', '--auto-remove', ...NEEDED_ALONE, ...names);
        return unneeded.filter((name) => !names.includes(name) && along.has(name));
      }
      // An earlier version noted none.
      const before = await wouldRemove('autoremove');
      const removed = await wouldRemove('remove', '--auto-remove', ...names);
      return removed.filter((name) => !names.includes(name) && !before.includes(name));
    },
    remove: async (names) => {
      await runPackageTool(host, aptGet(options.purge ? 'purge' : 'remove', ...names), options);
    },
    settle: () => settleAlong(host, options.signal),
  };
}

/** Reads the names of removed packages from the output of `apt-get --simulate`. */
export function removedPackages(simulation: string): readonly string[] {
  return simulation.split('\n').flatMap((line) => /^(?:Remv|Purg) (\S+)/.exec(line)?.[1] ?? []);
}
