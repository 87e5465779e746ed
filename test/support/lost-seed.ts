import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openFileStore, seedLayout, type SiteRecord } from '../../src/site/index.ts';
import { backup, type AdoptOptions } from '../../src/usecases/index.ts';
import { backupOptions, PASSPHRASE } from './backup-site.ts';
import { THREE_NODES } from './sample-install.ts';
import type { SimulatedSite, SiteOptions } from './simulated-site.ts';

/** A site whose seed f1 was lost, and what is left of it: a backup, and the keys of its authorities. */
export interface LostSeed {
  readonly three: SimulatedSite;
  readonly backup: string;
  readonly keys: string;
  /** Directory of the files of the lost seed. */
  readonly before: string;
  /** Text of cluster.yaml before. */
  readonly cluster: string;
  /** Names of machines that do not answer. */
  readonly unreachable: string[];
  /** Options of an adoption by the keys alone, on f2, whose files are below the root. */
  readonly byKeys: (root: string, changes?: Partial<AdoptOptions>) => AdoptOptions;
  /** The same by the backup. */
  readonly byBackup: (root: string, changes?: Partial<AdoptOptions>) => AdoptOptions;
}

/** Installs three hosts with f1 as the seed, keeps a backup and its keys, and turns f1 off. */
export async function lostSeed(
  directory: string,
  open: (options: Partial<SiteOptions>) => Promise<SimulatedSite>,
  options: Partial<SiteOptions> = {},
): Promise<LostSeed> {
  const [manage, front, other] = THREE_NODES;
  const unreachable: string[] = [];
  const three = await open({ nodes: [front, manage, other].flatMap((node) => node ?? []), unreachable, ...options });
  await three.install();
  const [file, keys] = [join(directory, 'backup.gpg'), join(directory, 'keys')];
  await backup(backupOptions(three, file));
  await cp(seedLayout(three.seedRoot).authorities, keys, { recursive: true });
  const cluster = await readFile(three.options.clusterPath, 'utf8');
  unreachable.push('f1');
  await three.machine('f1').powerOff();
  const shared = (root: string): Omit<AdoptOptions, 'source'> => ({ ...three.options, ...three.moveTo('f2', root), forget: ['f1'] });
  return {
    three,
    backup: file,
    keys,
    before: three.seedRoot,
    cluster,
    unreachable,
    byKeys: (root, changes = {}) => ({ ...shared(root), source: { authorities: keys }, ...changes }),
    byBackup: (root, changes = {}) => ({
      ...shared(root),
      clusterPath: undefined,
      source: { backup: { file, opener: { passphrase: PASSPHRASE } } },
      ...changes,
    }),
  };
}

/** Puts the text of cluster.yaml back. */
export async function declareAgain({ three, cluster }: LostSeed): Promise<void> {
  await writeFile(three.options.clusterPath, cluster);
}

export async function recordBelow(root: string): Promise<SiteRecord> {
  const record = await openFileStore(seedLayout(root).record).read();
  if (record === undefined) throw new Error('there is no record');
  return record;
}
