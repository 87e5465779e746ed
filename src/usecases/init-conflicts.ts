import { isDeepStrictEqual } from 'node:util';
import { CaissonError, digestOf } from '../core/index.ts';
import { readYaml } from '../io/index.ts';
import type { SiteRecord } from '../site/index.ts';
import type { InitOptions } from './new-site.ts';

/** Refuses to write over a cluster.yaml that says something else, and to begin a site where there is another. */
export function refuseOther({
  path,
  made,
  existing,
  record,
  supply,
}: {
  readonly path: string;
  readonly made: string;
  readonly existing: string | undefined;
  readonly record: SiteRecord | undefined;
  readonly supply: InitOptions['supply'];
}): void {
  const known = record?.cluster;
  if (known !== undefined && known.path !== path) {
    throw new CaissonError(
      'CLUSTER_EXISTS',
      `Cannot begin a site here: this machine is the seed of "${record?.name ?? ''}", declared in "${known.path}"`,
      {
        hint: `Go on with it: add --cluster ${known.path}; change it: caisson node, caisson option; take it away: caisson reset`,
      },
    );
  }
  if (existing !== undefined) {
    const differing = differences(readYaml(existing, path).value, readYaml(made, path).value);
    if (differing.length === 0) return;
    throw new CaissonError(
      'CLUSTER_EXISTS',
      `Cannot write "${path}": it is there, and the flags say something else of: ${differing.join(', ')}`,
      {
        hint: `To install what it says: caisson install ${supply === 'offline' ? '--offline --bundle FILE' : '--online --lock FILE'} --cluster ${path}; to begin anew, move it away or name another file with --cluster`,
      },
    );
  }
  if (known !== undefined && known.digest !== digestOf(Buffer.from(made))) {
    throw new CaissonError(
      'CLUSTER_EXISTS',
      `Cannot begin a site here: this machine is the seed of "${record?.name ?? ''}", and its "${path}" is gone`,
      {
        hint: 'Put the file back, from a backup of the site for instance; then change it by hand, or by caisson node and caisson option',
      },
    );
  }
}

/** Keys at the top of two documents whose values differ, sorted. */
function differences(left: unknown, right: unknown): readonly string[] {
  const [one, other] = [entriesOf(left), entriesOf(right)];
  const keys = new Set([...one.keys(), ...other.keys()]);
  return [...keys].filter((key) => !isDeepStrictEqual(one.get(key), other.get(key))).sort();
}

function entriesOf(value: unknown): ReadonlyMap<string, unknown> {
  return new Map(Object.entries(typeof value === 'object' && value !== null ? value : {}));
}
