import type { Digest } from '../core/index.ts';
import { BESIDE_BUNDLE } from '../site/index.ts';
import { removeFiles } from './paths.ts';
import { ABSENT, SAME, type Found, type ResourceContext, type ResourceKind } from './kind.ts';

/** A bundle on the disk of the seed, which gets its name after all its bytes were verified. Its key is the path. */
export interface BundleFileSpec {
  readonly digest: Digest;
  /** Digest of the bundle that was installed with it: this bundle itself, or a delta that needs it. */
  readonly of: Digest;
  /** Resolves to true when the file at the path is this bundle, or for a bundle that the depot fills, when it was begun there. */
  readonly isPlaced: () => Promise<boolean>;
  /** Copies the bundle to the path and verifies every byte of the copy before the copy gets its name, or begins it there. */
  readonly place: (context: ResourceContext) => Promise<void>;
}

export const bundleKind: ResourceKind<BundleFileSpec> = {
  look: (_host, wanted) => Promise.all(wanted.map(async ({ spec }): Promise<Found> => ((await spec.isPlaced()) ? SAME : ABSENT))),
  ensure: async (_host, wanted, context) => {
    for (const { spec } of wanted) if (!(await spec.isPlaced())) await spec.place(context);
  },
  remove: (host, owned, { signal }) =>
    removeFiles(
      host,
      owned.flatMap(({ key }) => [key, ...BESIDE_BUNDLE.map((suffix) => `${key}${suffix}`)]),
      signal,
    ),
  details: ({ of }) => ({ of }),
};
