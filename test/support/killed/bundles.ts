import { join } from 'node:path';
import { dataManifests } from '../data-platform.ts';
import { writeDatabaseRelease } from '../database-sites.ts';
import { HARD_IMAGES, hardManifests } from '../hard-cases.ts';
import { writeInitBundle } from '../init-site.ts';
import { storeManifests } from '../member-stores.ts';
import { writeMovableBundle } from '../movable-components.ts';
import { writeSampleBundle } from '../sample-install.ts';
import { useSharedTempDir } from '../temp-dir.ts';

/** Writes a bundle into a directory, and resolves to its path. */
type Write = (directory: string) => Promise<string>;

const WRITERS = {
  /** Two releases, whose database has a migration between them. */
  older: (directory) => writeDatabaseRelease(directory, '1'),
  newer: (directory) => writeDatabaseRelease(directory, '2'),
  /** A quorum, workers with a control that cordons them. */
  hard: (directory) => writeSampleBundle(join(directory, 'hard.tar'), { manifests: hardManifests(), images: HARD_IMAGES }),
  /** A quorum whose members have a file with the names of all. */
  stores: (directory) => writeSampleBundle(join(directory, 'stores.tar'), { manifests: storeManifests(), images: HARD_IMAGES }),
  movable: writeMovableBundle,
  /** Components with actions that back their data up and put them back. */
  data: (directory) => writeSampleBundle(join(directory, 'data.tar'), { manifests: dataManifests() }),
  init: writeInitBundle,
  sample: (directory) => writeSampleBundle(join(directory, 'sample.tar')),
} as const satisfies Readonly<Record<string, Write>>;

/** Paths of the bundles, which are written when they are asked for. */
export type KilledBundles = (name: keyof typeof WRITERS) => Promise<string>;

/** The bundles of a test file, each written once. */
export function useKilledBundles(): KilledBundles {
  const shared = useSharedTempDir();
  const written = new Map<string, Promise<string>>();
  return (name) => {
    const path = written.get(name) ?? WRITERS[name](shared());
    written.set(name, path);
    return path;
  };
}
