import type { Digest } from '../core/index.ts';
import { removeFiles } from './paths.ts';
import { ABSENT, SAME, type Found, type ResourceContext, type ResourceKind } from './kind.ts';

/** A bundle on the disk of the seed, which gets its name after it was verified. Its key is the path. */
export interface BundleFileSpec {
  readonly digest: Digest;
  /** Digest of the bundle that was installed with it: this bundle itself, or a delta that needs it. */
  readonly of: Digest;
  /** Resolves to true when the file at the path is this bundle. */
  readonly isPlaced: () => Promise<boolean>;
  /** Copies the bundle to the path and verifies every byte of the copy before the copy gets its name. */
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
      owned.map(({ key }) => key),
      signal,
    ),
  details: ({ of }) => ({ of }),
};
