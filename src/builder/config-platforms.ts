import { Readable } from 'node:stream';
import { blobPath } from '../bundle/index.ts';
import { formatPlatform, parsePlatform, type Emit } from '../core/index.ts';
import { readLimited } from '../io/index.ts';
import { platformOfConfig } from '../sources/index.ts';
import type { OpenOrigin } from './fill.ts';
import type { BundleLock } from './lock.ts';

/** Bytes of a configuration above which it is not looked at. */
const CONFIG_LIMIT = 8 * 1024 * 1024;

/** A manifest that an index lists for a platform. */
interface Listed {
  readonly name: string;
  readonly manifest: string;
  readonly platform: string;
}

/**
 * Looks at image configurations on their way into the bundle, and warns of each that names another platform than the index that
 * lists its manifest: such an image does not run where clients choose it.
 */
export function withPlatformCheck(open: OpenOrigin, { images }: Pick<BundleLock, 'images'>, emit: Emit): OpenOrigin {
  const waiting = new Map<string, Listed[]>();
  for (const { name, manifests } of images) {
    for (const { platform, manifest, config } of manifests) {
      const path = blobPath(config.digest);
      waiting.set(path, [...(waiting.get(path) ?? []), { name, manifest: manifest.digest, platform }]);
    }
  }
  return async (origin, entry, offset, signal) => {
    const stream = await open(origin, entry, offset, signal);
    const listed = waiting.get(entry.path);
    if (listed === undefined || offset > 0 || entry.size > CONFIG_LIMIT) return stream;
    const bytes = await readLimited(stream, entry.size, `"${entry.path}"`);
    waiting.delete(entry.path);
    for (const message of listed.flatMap((one) => mismatch(one, bytes))) emit({ type: 'warning', message });
    return Readable.from([bytes], { objectMode: false });
  };
}

function mismatch({ name, manifest, platform }: Listed, config: Uint8Array): readonly string[] {
  const actual = platformOfConfig(config);
  const { os, architecture } = parsePlatform(platform);
  // The variant of a CPU often stands in one of the two only.
  if (actual === undefined || (actual.os === os && actual.architecture === architecture)) return [];
  return [
    `The index of "${name}" lists ${manifest} for ${platform}, and the configuration of that image says ${formatPlatform(actual)}: hosts of ${platform} cannot run it. Ask who publishes it`,
  ];
}
