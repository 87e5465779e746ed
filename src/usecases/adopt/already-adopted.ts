import { isOwnAddress } from '../../ssh/index.ts';
import { readTextFile } from '../../io/index.ts';
import { REAL_MACHINES, SiteConflictError, type SiteRecord } from '../../site/index.ts';
import { layoutOf } from '../session.ts';
import type { AdoptOptions, Prepared } from './adoption.ts';
import { clusterOfNewSeed } from './new-seed.ts';

/**
 * Prepares the rest of an adoption that was killed after its record was written: hosts that are forgotten only now are taken out
 * of cluster.yaml, and the run goes on. Throws SiteConflictError when the record has another seed than this machine.
 */
export async function alreadyAdopted(present: SiteRecord, options: AdoptOptions, recordedPath: string): Promise<Prepared> {
  const { machines = REAL_MACHINES, forget = [], address } = options;
  const clusterPath = options.clusterPath ?? recordedPath;
  const before = await readTextFile(clusterPath);
  const cluster = clusterOfNewSeed(before, clusterPath, { forget, isOwn: machines.isOwnAddress ?? isOwnAddress, address });
  if (cluster.seed !== present.seed) {
    throw new SiteConflictError(
      [
        {
          where: layoutOf(options).record,
          problem: `by this record the seed is "${present.seed}", and this machine is "${cluster.seed}"`,
          remedy: `Run this on "${present.seed}"; where the record was copied here, move it away: mv ${layoutOf(options).record} ${layoutOf(options).record}.before`,
        },
      ],
      'make this machine the seed',
    );
  }
  return {
    adoption: {
      site: { id: present.id, name: present.name },
      before: present.seed,
      seed: present.seed,
      clusterPath,
      isClusterEdited: before !== cluster.text,
      files: [],
      notes: [],
    },
    cluster: { before, after: cluster.text },
    staged: undefined,
    bundlePaths: options.bundlePaths,
  };
}
