import { posix } from 'node:path';
import { bundleKeepers } from '../../cluster/index.ts';
import { bundleFilePath } from '../../depot/index.ts';
import type { Resource, ResourceOf } from '../../resources/index.ts';
import { seedLayout } from '../../site/index.ts';
import { depotUrl, type Declared } from '../declared.ts';
import type { At } from './make.ts';

/**
 * Copies of the bundle on a node that keeps them beside the seed: those that the depot serves, which the node fetches there, and
 * those of the previous install that it has already.
 */
export function bundleCopies(declared: Declared, at: At): readonly Resource[] {
  const { topology, supply, seed } = declared;
  if (!bundleKeepers(topology, seed.name).includes(at.host)) return [];
  const { bundles } = seedLayout();
  const fetched = supply.staged.flatMap(({ path, digest, of, size }): ResourceOf<'bundle'>[] => {
    if (size === undefined) return [];
    const spec = { digest, of, size, url: `${depotUrl(supply.depot)}/${bundleFilePath(digest)}` };
    return [{ ...at, kind: 'bundle', key: posix.join(bundles, posix.basename(path)), digest, spec }];
  });
  const kept = supply.keptOn(at.host).map(({ path, digest, of, isPlaced, place }): ResourceOf<'bundle'> => ({
    ...at,
    kind: 'bundle',
    key: path,
    digest,
    spec: { digest, of, isPlaced, place },
  }));
  return [...fetched, ...kept];
}
