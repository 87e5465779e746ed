import type { Platform } from '../core/index.ts';
import type { Descriptor } from './descriptor.ts';

/** True for an entry that BuildKit lists beside the images: an attestation of the build, not an image of a platform. */
export function isAttestation(entry: Descriptor): boolean {
  return (
    entry.annotations?.['vnd.docker.reference.type'] !== undefined ||
    (entry.platform?.os === 'unknown' && entry.platform.architecture === 'unknown')
  );
}

/**
 * The entry to use for a platform: same operating system and architecture, the highest variant that the platform can run
 * (an amd64/v3 machine runs v2, not the other way round), the first among equals. Never falls back to a 32-bit sibling,
 * unlike container runtimes: a bundle must hold the asked platform.
 */
export function selectPlatform<T extends Pick<Descriptor, 'platform'>>(entries: readonly T[], wanted: Platform): T | undefined {
  const target = normalizePlatform(wanted);
  let best: { entry: T; rank: number } | undefined;
  for (const entry of entries) {
    const rank = entry.platform === undefined ? undefined : rankOf(normalizePlatform(entry.platform), target);
    if (rank !== undefined && (best === undefined || rank > best.rank)) best = { entry, rank };
  }
  return best?.entry;
}

/** One spelling for equal platforms: arm64/v8 is arm64, arm is arm/v7, amd64/v1 is amd64 (containerd's rules). */
function normalizePlatform(platform: Platform): Platform {
  const os = platform.os.toLowerCase();
  const written = platform.architecture.toLowerCase();
  const architecture = ALIASES[written] ?? written;
  const variant = platform.variant?.toLowerCase() ?? (architecture === 'arm' ? 'v7' : undefined);
  const implied = variant === undefined || IMPLIED[architecture] === variant;
  return implied ? { os, architecture } : { os, architecture, variant };
}

const ALIASES: Readonly<Record<string, string>> = { x86_64: 'amd64', 'x86-64': 'amd64', aarch64: 'arm64', i386: '386' };
const IMPLIED: Readonly<Record<string, string>> = { amd64: 'v1', arm64: 'v8' };

/** Higher is nearer to the wanted one; undefined when it does not run there. Both are normalized. */
function rankOf(offered: Platform, wanted: Platform): number | undefined {
  if (offered.os !== wanted.os || offered.architecture !== wanted.architecture) return undefined;
  const implied = IMPLIED[wanted.architecture];
  const mine = offered.variant ?? implied;
  const limit = wanted.variant ?? implied;
  if (mine === limit) return Number.MAX_SAFE_INTEGER;
  const [rank, highest] = [versionOf(mine), versionOf(limit)];
  return rank === undefined || highest === undefined || rank > highest ? undefined : rank;
}

/** v8.2 → 8.2; undefined for anything that has no order. */
function versionOf(variant: string | undefined): number | undefined {
  const digits = /^v(\d+(?:\.\d+)?)$/.exec(variant ?? '')?.[1];
  return digits === undefined ? undefined : Number(digits);
}
