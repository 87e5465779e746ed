import type { NewCluster, NewNode, TypedChoices } from '../cluster/index.ts';
import type { FirstLogin } from '../ssh/index.ts';
import type { OperationOptions } from './operation.ts';

/** A site of one node, as an operator says it in flags. Settings that it leaves out are those of the platform. */
export interface NewSite extends Pick<NewCluster, 'domain' | 'depot' | 'network'> {
  /** Name of the cluster; that of the platform by default. */
  readonly name?: string | undefined;
  /** Without roles it gets those that the platform declares for a first node. */
  readonly node: Omit<NewNode, 'roles'> & { readonly roles?: readonly string[] | undefined };
  readonly typed: TypedChoices;
  /** Used once: it puts the key of the site on the node, and cluster.yaml gets the login by that key. */
  readonly login?: FirstLogin | undefined;
}

/** Options of a run that names its bundle and its cluster.yaml. */
export interface InitOptions extends OperationOptions {
  readonly clusterPath: string;
}
