import { join } from 'node:path';
import { beforeAll } from 'vitest';
import { HARD_IMAGES, hardManifests, hardSite, type HardSite } from './hard-cases.ts';
import { writeSampleBundle, type SampleNode } from './sample-install.ts';
import { useSharedTempDir } from './temp-dir.ts';
import { useEnding } from './use-sites.ts';

/** One host with a database, one with an application that needs it. */
export const DATABASE_NODES: readonly SampleNode[] = [
  { name: 'n1', address: '10.0.0.11', roles: ['data'] },
  { name: 'n2', address: '10.0.0.12', roles: ['front'] },
];

/** Writes a bundle of the hard cases with a release of the database, to which it is migrated. */
export async function writeDatabaseRelease(
  directory: string,
  database: string,
  { name = database, platform = (text: string): string => text, otherImages = [] as readonly string[] } = {},
): Promise<string> {
  const manifests = hardManifests({ database });
  const changed = { ...manifests, 'platform.yaml': platform(manifests['platform.yaml'] ?? '') };
  return writeSampleBundle(join(directory, `${name}.tar`), { manifests: changed, images: HARD_IMAGES, otherImages, version: database });
}

/** Bundles of two releases, whose database has a migration between them. */
export interface TwoReleases {
  readonly older: string;
  readonly newer: string;
}

/** Writes the bundles of two releases once for the calling test file. The returned function returns them. */
export function useTwoReleases(): () => TwoReleases {
  const shared = useSharedTempDir();
  let releases: TwoReleases | undefined;
  beforeAll(async () => {
    releases = { older: await writeDatabaseRelease(shared(), '1'), newer: await writeDatabaseRelease(shared(), '2') };
  });
  return () => {
    if (releases === undefined) throw new Error('There are releases only inside a test');
    return releases;
  };
}

/** Simulated sites of a test file that have DATABASE_NODES. Each ends after its test. */
export interface DatabaseSites {
  /** Makes a site that nothing is installed on. */
  readonly bare: () => Promise<HardSite>;
  /** Makes a site on which the older release is installed. */
  readonly installed: () => Promise<HardSite>;
}

/** `directory` returns the directory of a test, for the files of its sites. */
export function useDatabaseSites(directory: () => string, releases: () => TwoReleases): DatabaseSites {
  const ending = useEnding<HardSite>();
  const bare = async (): Promise<HardSite> => ending(await hardSite(directory(), releases().older, DATABASE_NODES));
  return {
    bare,
    installed: async () => {
      const site = await bare();
      await site.run();
      site.takeRestarts();
      return site;
    },
  };
}
