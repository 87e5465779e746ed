import { dirname } from 'node:path';
import type { ClusterSpec } from '../../cluster/index.ts';
import { locateFile, loginFiles, type LoginFile } from '../../ssh/index.ts';
import { trustPaths } from '../trust-paths.ts';

/** Lists cluster.yaml and all files that a run may read because of what it says. Files that it does not name may be missing. */
export function clusterPaths(spec: ClusterSpec, clusterPath: string, home: string): readonly LoginFile[] {
  const places = { home, directory: dirname(clusterPath) };
  const trust = spec.trust === undefined ? undefined : trustPaths(spec.trust, clusterPath);
  return [
    { path: clusterPath, isNamed: true },
    ...loginFiles(spec.ssh, places),
    ...spec.nodes.flatMap(({ ssh }) =>
      ssh?.identityFile === undefined ? [] : [{ path: locateFile(ssh.identityFile, places), isNamed: true }],
    ),
    ...[trust?.allowedSigners, trust?.revokedKeys].flatMap((path) => (path === undefined ? [] : [{ path, isNamed: true }])),
    ...(spec.backup?.recipients ?? []).map((path) => ({ path: locateFile(path, places), isNamed: true })),
    ...optionTexts(spec).map((text) => ({ path: locateFile(text, places), isNamed: false })),
  ];
}

/** All texts among the options. The manifests say which of them are paths of secrets; a text that is the path of a file is one. */
function optionTexts({ options }: ClusterSpec): readonly string[] {
  return Object.values(options).flatMap((option) =>
    typeof option === 'string' ? [] : Object.values(option).filter((value): value is string => typeof value === 'string' && value !== ''),
  );
}
