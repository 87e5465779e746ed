import { declaredNodes, parseClusterSpec, removeNode, type ClusterSpec } from '../../cluster/index.ts';
import { setYamlValue } from '../../io/index.ts';
import { isAddress } from '../../manifests/index.ts';
import { SiteConflictError, type SiteRecord } from '../../site/index.ts';
import { laterThan } from '../backup/restored-seed.ts';

/** cluster.yaml as it is once another machine is the seed. */
export interface ClusterOfNewSeed {
  readonly text: string;
  readonly spec: ClusterSpec;
  /** Name of this machine in the site: that of its node, or the name of the depot for a machine beside the cluster. */
  readonly seed: string;
}

export interface NewSeedOptions {
  /** Hosts that are lost for good. */
  readonly forget: readonly string[];
  readonly isOwn: (address: string) => boolean;
  /** Address of this machine, where it is none of the nodes. */
  readonly address?: string | undefined;
}

/**
 * Edits cluster.yaml for a new seed: nodes that are lost go, and depot.address is one of this machine. All other bytes stay.
 * Throws InvalidInputError for a text with mistakes, and SiteConflictError when this machine is none of the nodes and nothing says by
 * which address the nodes reach it.
 */
export function clusterOfNewSeed(before: string, file: string, { forget, isOwn, address }: NewSeedOptions): ClusterOfNewSeed {
  const isDeclared = (text: string, name: string): boolean => declaredNodes(text, file).some((node) => node.name === name);
  const left = forget.reduce((text, name) => (isDeclared(text, name) ? removeNode(text, file, name) : text), before);
  const { nodes, depot } = parseClusterSpec(left, file);
  const own = nodes.find((node) => isAddress(node.address) && isOwn(node.address));
  const wanted = own?.address ?? address;
  const isRight = depot.address === undefined ? own !== undefined : isAddress(depot.address) && isOwn(depot.address);
  const text = isRight ? left : withDepotAddress(left, file, wanted);
  return { text, spec: parseClusterSpec(text, file), seed: own?.name ?? depot.name };
}

function withDepotAddress(text: string, file: string, address: string | undefined): string {
  if (address === undefined) {
    const problem = 'this machine is none of the nodes, so nothing says by which address they reach it';
    throw new SiteConflictError(
      [{ where: `${file}: depot.address`, problem, remedy: 'Add --address with an address of this machine; or run this on a node' }],
      'make this machine the seed',
    );
  }
  const hasDepot = /^depot:/m.test(text);
  return hasDepot ? setYamlValue(text, file, ['depot', 'address'], address) : setYamlValue(text, file, ['depot'], { address });
}

/**
 * The record once another machine is the seed, from now on or, where clocks differ, from right after the seed before. A machine
 * beside the cluster has nothing of what the record lists for another one of that name.
 */
export function recordOfNewSeed(record: SiteRecord, { spec, seed }: ClusterOfNewSeed, now: Date): SiteRecord {
  const isNode = spec.nodes.some(({ name }) => name === seed);
  const hosts = Object.entries(record.hosts).filter(([name]) => isNode || name !== seed);
  return { ...record, seed, seedSince: laterThan(record, now), hosts: Object.fromEntries(hosts) };
}
