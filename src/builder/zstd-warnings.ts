import type { BundleLock, LockedOperatingSystem } from './lock.ts';

/** Packages of the Docker engine: Debian's, Docker's own. */
const ENGINES: ReadonlySet<string> = new Set(['docker.io', 'docker-ce']);
/** The first version that reads layers compressed with zstd (moby 23.0). */
const FIRST_WITH_ZSTD = 23;

/**
 * Words about images that a Docker engine of the bundle cannot use: it pulls and loads no zstd layers before 23.0. The
 * images are kept as they are; another compression would be another digest.
 */
export function zstdWarnings(lock: BundleLock): readonly string[] {
  const images = lock.images
    .filter(({ manifests }) => manifests.some(({ layers }) => layers.some(({ mediaType }) => /[+.]zstd$/.test(mediaType))))
    .map(({ name }) => `"${name}"`);
  if (images.length === 0) return [];
  return lock.operatingSystems
    .flatMap(oldEngines)
    .map(
      (engine) =>
        `${engine} cannot use layers compressed with zstd, which Docker reads from ${FIRST_WITH_ZSTD}.0 on. These images have some: ${images.join(', ')}. Build them with gzip layers, or keep them off hosts with this engine`,
    );
}

function oldEngines({ id, architecture, packages }: LockedOperatingSystem): string[] {
  return packages
    .filter(({ name, version }) => ENGINES.has(name) && majorOf(version) < FIRST_WITH_ZSTD)
    .map(({ name, version }) => `${name} ${version} of ${id} for ${architecture}`);
}

/** The first number of a Debian version, after the epoch. */
function majorOf(version: string): number {
  return Number(/^(?:\d+:)?(\d+)/.exec(version)?.[1] ?? Number.POSITIVE_INFINITY);
}
