import { InvalidInputError } from '../core/index.ts';
import { formatYaml } from '../io/index.ts';
import { readTopology, type Topology } from '../cluster/index.ts';
import type { Manifests } from '../manifests/index.ts';
import { optionMixes, type OptionMix } from './option-mixes.ts';
import { roleMixes, type RoleMix } from './role-mixes.ts';

/** A cluster that a site could declare, with the manifests. */
export interface TriedCluster {
  readonly topology: Topology;
  /** For messages: `one host has the roles "a" and "b", with database: external`. */
  readonly what: string;
}

export interface TriedClusters {
  readonly clusters: readonly TriedCluster[];
  /** Of clusters that no site may declare, such as one without a component that another needs: the first refusal. */
  readonly refusal: InvalidInputError | undefined;
}

/**
 * Clusters of one platform that together have every role alone and beside every other one, lack each role that may be
 * absent, and make every choice of every option once. The other choices are then those by default. Each mix of roles is
 * tried with the default choices, and each choice with all roles on one host and on hosts of their own.
 */
export function tryClusters(manifests: Manifests): TriedClusters {
  const roles = roleMixes([...manifests.roles.values()]);
  const [usual, ...others] = optionMixes(manifests.platform.options);
  const wanted = [
    ...roles.map((mix) => ({ mix, options: usual })),
    ...others.flatMap((options) => roles.filter(({ isWhole }) => isWhole).map((mix) => ({ mix, options }))),
  ];
  const clusters: TriedCluster[] = [];
  let refusal: InvalidInputError | undefined;
  for (const { mix, options } of wanted) {
    try {
      const topology = readTopology(clusterText(mix, options), 'cluster.yaml', manifests);
      clusters.push({ topology, what: `${mix.what}${options === undefined || options.what === '' ? '' : `, with ${options.what}`}` });
    } catch (error) {
      if (!(error instanceof InvalidInputError)) throw error;
      refusal ??= error;
    }
  }
  return { clusters, refusal };
}

function clusterText({ hosts }: RoleMix, options: OptionMix | undefined): string {
  return formatYaml({
    apiVersion: 'caisson/v1',
    kind: 'Cluster',
    name: 'lint',
    nodes: hosts.map((roles, index) => ({ name: `host-${index + 1}`, address: `192.0.2.${index + 11}`, roles })),
    options: options?.choices ?? {},
  });
}
