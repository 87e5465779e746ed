import { dirname, resolve } from 'node:path';

/** The file that a path in cluster.yaml means: `~` is the home directory, anything else is relative to cluster.yaml. */
export function resolveSitePath(path: string, clusterPath: string, home: string): string {
  return path === '~' || path.startsWith('~/') ? resolve(home, path.slice(2)) : resolve(dirname(clusterPath), path);
}
