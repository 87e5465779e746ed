import { dirname, resolve } from 'node:path';
import type { TrustFiles } from '../bundle/index.ts';
import type { ClusterSpec } from '../cluster/index.ts';

/** Resolves the paths of `trust` in cluster.yaml, which are relative to cluster.yaml. */
export function trustPaths({ allowedSigners, revokedKeys }: NonNullable<ClusterSpec['trust']>, clusterPath: string): TrustFiles {
  const absolute = (file: string): string => resolve(dirname(clusterPath), file);
  return { allowedSigners: absolute(allowedSigners), revokedKeys: revokedKeys === undefined ? undefined : absolute(revokedKeys) };
}
