import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openFileStore, seedLayout } from '../../../src/site/index.ts';
import { adopt, backup, restore, type AdoptOptions } from '../../../src/usecases/index.ts';
import { backupOptions, PASSPHRASE, restoreOptions } from '../backup-site.ts';
import { DATABASE_NODES } from '../database-sites.ts';
import { hardSite, type HardSite } from '../hard-cases.ts';
import { yes, type KilledOperation } from './killed-operation.ts';
import { N3 } from './releases.ts';

const BACKUP = 'lost.gpg';
const KEYS = 'keys-of-authorities';

/** n2 becomes the seed in the place of n3, a seed that was lost after a backup. */
interface NewSeed {
  readonly site: HardSite;
  readonly bundle: string;
  readonly own: string;
  /** Directory of the files of the new seed. */
  readonly root: string;
}

function ofLostSeed(name: string, run: (lost: NewSeed) => Promise<{ readonly changed: number }>): KilledOperation {
  return {
    name,
    ready: async (own, bundles) => {
      const bundle = await bundles('older');
      const site = await hardSite(own, bundle, [N3, ...DATABASE_NODES]);
      await site.run();
      await backup(backupOptions(site, join(own, BACKUP), { withData: false }));
      await cp(seedLayout(site.seedRoot).authorities, join(own, KEYS), { recursive: true });
      site.unreachable.push('n3');
      await site.machine('n3').powerOff();
      const lost: NewSeed = { site, bundle, own, root: join(own, 'seed-of-n2') };
      return { site, run: () => run(lost), again: () => run(lost), seedRoot: lost.root };
    },
  };
}

/** As the machine of the new seed, of which n3 is forgotten. */
const moved = ({ site, root }: NewSeed): ReturnType<HardSite['moveTo']> => site.moveTo('n2', root);

async function adoptBy(lost: NewSeed, source: AdoptOptions['source'], clusterPath?: string): Promise<{ readonly changed: number }> {
  return (await adopt({ ...lost.site.options, ...moved(lost), forget: ['n3'], clusterPath, source }, { approve: yes, approvePlan: yes }))
    .summary;
}

/** Restores the files of a seed until that has ended, then takes n3 out of cluster.yaml and installs. */
async function restoreAndInstall(lost: NewSeed): Promise<{ readonly changed: number }> {
  const { site, own, root } = lost;
  const machines = moved(lost);
  if ((await openFileStore(seedLayout(root).record).read()) === undefined)
    await restore(restoreOptions(site, join(own, BACKUP), { ...machines, newSeed: true }), yes);
  const text = await readFile(site.options.clusterPath, 'utf8');
  await writeFile(site.options.clusterPath, text.replace(/^.*name: n3.*\n/m, ''));
  return site.run({ ...machines, forget: ['n3'] });
}

export const OF_SEEDS: readonly KilledOperation[] = [
  ofLostSeed('adoption by a backup', (lost) =>
    adoptBy(lost, { backup: { file: join(lost.own, BACKUP), opener: { passphrase: PASSPHRASE } } }),
  ),
  ofLostSeed('adoption by the keys of the authorities', (lost) =>
    adoptBy(lost, { authorities: join(lost.own, KEYS) }, lost.site.options.clusterPath),
  ),
  ofLostSeed('restore onto a new seed, and its install', restoreAndInstall),
];
