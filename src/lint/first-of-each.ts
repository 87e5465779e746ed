import type { LintFinding } from './finding.ts';

/** A finding of one cluster, whose reason does not name the cluster. */
export interface ClusterFinding extends LintFinding {
  /** The cluster, in words for messages. */
  readonly cluster: string;
}

/** The first finding of each place and reason, since many clusters have the same mistake. */
export function firstOfEach<F extends LintFinding>(findings: readonly F[]): readonly F[] {
  const first = new Map<string, F>();
  for (const finding of findings) {
    const { file, position, path, reason } = finding;
    const key = [file, position?.line, position?.column, path, reason].join('\n');
    if (!first.has(key)) first.set(key, finding);
  }
  return [...first.values()];
}

/** The first finding of each place and reason, whose reason then names the cluster that it was found in. */
export function firstWithCluster(findings: readonly ClusterFinding[]): readonly LintFinding[] {
  return firstOfEach(findings).map(({ cluster, ...finding }) => ({ ...finding, reason: `${finding.reason} where ${cluster}` }));
}
