import { dirname, resolve } from 'node:path';

/** Resolves a path of cluster.yaml: `~` is the home directory, other paths are relative to cluster.yaml. */
export function resolveSitePath(path: string, clusterPath: string, home: string): string {
  return path === '~' || path.startsWith('~/') ? resolve(home, path.slice(2)) : resolve(dirname(clusterPath), path);
}
