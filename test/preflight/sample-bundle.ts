import type { BundleManifest } from '../../src/bundle/index.ts';
import { digestOf } from '../../src/core/index.ts';
import type { HostsToCheck } from '../../src/preflight/judge/finding.ts';
import { PACKAGES } from '../support/sample-install.ts';
import { smallBundle } from '../support/small-bundle.ts';

const GB = 1_000_000_000;
export const BUNDLE_SIZE = 10 * GB;
export const LAYER_SIZE = 2 * GB;

/** What preflight sees of a bundle for the sample cluster. */
export function bundle(changes: Partial<BundleManifest> = {}): HostsToCheck['bundle'] {
  const base = smallBundle().input;
  const image = base.images.find(({ platforms }) => platforms.length === 1);
  const [platform] = image?.platforms ?? [];
  const [repository] = base.repositories;
  if (image === undefined || platform === undefined || repository === undefined) throw new Error('the small bundle is not as it was');
  const layers = [{ mediaType: 'layer', digest: digestOf('shared'), size: LAYER_SIZE }];
  const named = (name: string) => ({
    ...image,
    name,
    platforms: [
      { ...platform, layers },
      { ...platform, platform: 'linux/arm64', layers },
    ],
  });
  const packages = Object.entries(PACKAGES).map(([name, version]) => ({ name, version, architecture: 'amd64', path: 'pool', set: [] }));
  return {
    bundleDigest: digestOf('bundle'),
    size: BUNDLE_SIZE,
    entry: () => undefined,
    manifest: {
      apiVersion: 'caisson.bundle/v1',
      kind: 'Bundle',
      name: 'sample',
      version: '1',
      platforms: ['linux/amd64'],
      date: '2026-01-01T00:00:00Z',
      images: [named('registry.example/store:1'), named('registry.example/web:1')],
      repositories: [{ ...repository, packages }],
      bases: [],
      entries: [],
      baseEntries: [],
      ...changes,
    },
  };
}
