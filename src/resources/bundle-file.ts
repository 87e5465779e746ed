import type { Digest } from '../core/index.ts';
import { removeFiles } from './paths.ts';
import { ABSENT, SAME, type Found, type ResourceContext, type ResourceKind } from './kind.ts';

/** A bundle on the disk of the seed, verified before it got its name. Its key is the path. */
export interface BundleFileSpec {
  readonly digest: Digest;
  /** The bundle that was installed with it: itself, or a delta that needs it. */
  readonly of: Digest;
  /** True when the file of this name is this bundle. */
  readonly isPlaced: () => Promise<boolean>;
  /** Copies the bundle and verifies every byte of the copy. */
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
