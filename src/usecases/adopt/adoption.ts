import type { BackupFile } from '../../backup/index.ts';
import type { SiteRecord } from '../../site/index.ts';
import type { SaidOfBundle } from '../acceptance.ts';
import type { RestoreOptions } from '../backup/restore.ts';
import type { RestoredFile } from '../backup/restored-files.ts';
import type { OperationOptions } from '../operation.ts';

/** Source of a site that is taken over: a backup, or the keys of its authorities and the lists that its hosts keep. */
export type AdoptSource =
  | { readonly backup: Pick<RestoreOptions, 'file' | 'opener'> }
  | {
      /** Directory of the keys of all authorities, or file of the key of the site's authority. */
      readonly authorities: string;
      /** Directory of secrets, one file each. Those that are on this machine already count, too. */
      readonly secrets?: string | undefined;
      /** True when secrets that are lost are made anew. */
      readonly newSecrets?: boolean | undefined;
    };

export interface AdoptOptions extends Omit<OperationOptions, 'staged'> {
  readonly source: AdoptSource;
  /** Address of this machine for a seed that is none of the nodes. */
  readonly address?: string | undefined;
}

/**
 * Completes the words of the operator on the bundle. A bundle that is not named lies where a seed keeps its bundles: the site accepted
 * it when it came there.
 */
export function saidForAdoption({ said = {}, bundlePaths }: Pick<AdoptOptions, 'said' | 'bundlePaths'>): SaidOfBundle {
  return bundlePaths === undefined ? { ...said, unsigned: true } : said;
}

/** Changes of an adoption on this machine, which come before the plan of its run. */
export interface Adoption {
  readonly site: { readonly id: string; readonly name: string };
  /** Name of the seed before, and afterwards. */
  readonly before: string;
  readonly seed: string;
  readonly clusterPath: string;
  /** True when cluster.yaml is edited in place. */
  readonly isClusterEdited: boolean;
  /** Files of this machine, the site record last. Empty when this machine is the seed already. */
  readonly files: readonly RestoredFile[];
  /** Lines on texts that were read back, on parts of the record that could not be rebuilt, and on the operator's share. */
  readonly notes: readonly string[];
}

/** Everything that an adoption is made of, before the first write. */
export interface Prepared {
  readonly adoption: Adoption;
  /** Text of cluster.yaml now, undefined where the backup has the only one, and for the run. */
  readonly cluster: { readonly before: string | undefined; readonly after: string };
  /** Files of the site for a plan without the files being written; undefined when the record is at its place. */
  readonly staged: { readonly record: SiteRecord; readonly files: readonly BackupFile[] } | undefined;
  /** Bundle of the run. The one in force by the record when undefined. */
  readonly bundlePaths: readonly string[] | undefined;
}
