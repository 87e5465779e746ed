import { CaissonError, type Digest } from '../core/index.ts';
import { runChecked, type Host } from '../host/index.ts';
import { BESIDE_BUNDLE, EXECUTABLE, UNVERIFIED_COPY } from '../site/index.ts';
import { downloadName } from './packages/package-manager.ts';
import { removeFiles } from './paths.ts';
import { ABSENT, SAME, type Found, type ResourceContext, type ResourceKind } from './kind.ts';

/** A bundle on the disk of the seed, which gets its name after all its bytes were verified. Its key is the path. */
export interface PlacedBundleSpec {
  readonly digest: Digest;
  /** Digest of the bundle that was installed with it: this bundle itself, or a delta that needs it. */
  readonly of: Digest;
  /** Resolves to true when the file at the path is this bundle, or for a bundle that the depot fills, when it was begun there. */
  readonly isPlaced: () => Promise<boolean>;
  /** Copies the bundle to the path and verifies every byte of the copy before the copy gets its name, or begins it there. */
  readonly place: (context: ResourceContext) => Promise<void>;
}

/**
 * A copy of a bundle in force, which another host than the seed fetches from the depot. It gets its name after the executable
 * of that host has verified every byte of it.
 */
export interface FetchedBundleSpec {
  readonly digest: Digest;
  readonly of: Digest;
  readonly url: string;
  /** Bytes. */
  readonly size: number;
}

export type BundleFileSpec = PlacedBundleSpec | FetchedBundleSpec;

/** Name in `details` of an owned bundle that is in force, or needed by the one that is. */
export const IN_FORCE = 'inForce';

export const bundleKind: ResourceKind<BundleFileSpec> = {
  look: (host, wanted, { signal }) => Promise.all(wanted.map(({ key, spec }) => lookAt(host, key, spec, signal))),
  ensure: async (host, wanted, context) => {
    for (const { key, spec } of wanted) {
      if ((await lookAt(host, key, spec, context.signal)).state === 'same') continue;
      if ('url' in spec) await fetchCopy(host, key, spec, context);
      else await spec.place(context);
    }
  },
  remove: (host, owned, { signal }) =>
    removeFiles(
      host,
      owned.flatMap(({ key }) => [key, ...BESIDE_BUNDLE.map((suffix) => `${key}${suffix}`), downloadName(`${key}${UNVERIFIED_COPY}`)]),
      signal,
    ),
  details: (spec) => ({ of: spec.of, ...('url' in spec ? { [IN_FORCE]: 'yes' } : {}) }),
};

async function lookAt(host: Host, key: string, spec: BundleFileSpec, signal: AbortSignal): Promise<Found> {
  if (!('url' in spec)) return (await spec.isPlaced()) ? SAME : ABSENT;
  // A copy gets its name only after it was verified, so its bytes are not read again.
  const { exitCode, stdout } = await host.run({ argv: ['stat', '--printf=%s', '--', key] }, { signal });
  if (exitCode !== 0) return ABSENT;
  return stdout === String(spec.size) ? SAME : { state: 'different', why: `it has ${stdout} bytes, want ${spec.size}` };
}

/** Fetches a copy. Throws BUNDLE_DAMAGED when the copy is another bundle, and CommandFailedError when it is damaged. */
async function fetchCopy(
  host: Host,
  key: string,
  { url, digest }: FetchedBundleSpec,
  { packages, signal }: ResourceContext,
): Promise<void> {
  const partial = `${key}${UNVERIFIED_COPY}`;
  await packages.download(host, { url, path: partial, digest: undefined, mode: 0o644 }, signal);
  const { stdout } = await runChecked(host, { argv: [EXECUTABLE, 'verify', '--json', partial] }, { signal });
  if (digestIn(stdout) !== digest) {
    await removeFiles(host, [partial], signal);
    throw new CaissonError(
      'BUNDLE_DAMAGED',
      `Cannot keep a copy of the bundle on "${host.name}": the depot serves another than ${digest}`,
      {
        hint: 'Run the same command again: it starts the depot with the bundle that is wanted',
      },
    );
  }
  await runChecked(host, { argv: ['mv', '-fT', '--', partial, key] }, { signal });
}

/** The digest of the bundle in the last line that `caisson verify --json` printed. */
function digestIn(stdout: string): unknown {
  try {
    const result: unknown = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
    return typeof result === 'object' && result !== null && 'bundleDigest' in result ? result.bundleDigest : undefined;
  } catch {
    return undefined;
  }
}
