import { CaissonError, type Digest } from '../../core/index.ts';
import type { BundleBase } from '../format/manifest.ts';

/** A bundle that was given beside others. */
export interface GivenBundle {
  readonly path: string;
  readonly name: string | undefined;
  readonly version: string | undefined;
  readonly digest: Digest | undefined;
  readonly bases: readonly BundleBase[];
}

/**
 * The error for deltas that were given with another bundle in the place of a base: one of the same name that is no delta, and
 * that none of the others needs. Undefined where there is none; a base may then be missing still.
 */
export function baseMisfit(given: readonly GivenBundle[]): CaissonError | undefined {
  const needed = new Set(given.flatMap(({ bases }) => bases.map(({ digest }) => digest)));
  const digests = new Set(given.map(({ digest }) => digest));
  const spare = given.filter(({ digest, bases }) => digest !== undefined && bases.length === 0 && !needed.has(digest));
  for (const { path, bases } of given) {
    for (const base of bases) {
      const other = digests.has(base.digest) ? undefined : spare.find(({ name }) => name === base.name);
      if (other !== undefined) return misfit(path, base, other);
    }
  }
  return undefined;
}

function misfit(delta: string, base: BundleBase, other: GivenBundle): CaissonError {
  const found = `${other.name} ${other.version}, bundle ${other.digest}`;
  return new CaissonError(
    'BUNDLE_BASE_MISSING',
    `Cannot use "${other.path}" as the base of "${delta}": it is ${found}, want ${base.name} ${base.version}, bundle ${base.digest}`,
    { hint: 'Give the bundle that the delta was made against, or carry a full bundle over (build-bundle without --base)' },
  );
}
