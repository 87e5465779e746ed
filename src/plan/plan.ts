import type { Found, Resource } from '../resources/index.ts';
import type { SiteConflict, SiteRecord } from '../site/index.ts';
import { isIdle, type Change, type Removal, type Staying } from './change.ts';
import { claimedResources } from './claims.ts';
import type { Declared, Wanted } from './declared.ts';
import { difference, type DifferenceOptions } from './difference.ts';
import { orderChanges } from './order.ts';
import type { ClusterRegistry, PlanStep } from './plan-step.ts';

export interface PlanRequest extends DifferenceOptions {
  readonly declared: Declared;
  readonly wanted: Wanted;
  readonly found: ReadonlyMap<Resource, Found>;
  readonly record: SiteRecord | undefined;
  /** Returns the hosts whose own record must be written, even when nothing else changes there. */
  readonly staleHosts: (changes: readonly Change[]) => readonly string[];
  readonly forgotten?: ReadonlySet<string>;
  /** True for a return to earlier releases: before-upgrade actions, which bring data to a newer release, are left out. */
  readonly goesBack?: boolean | undefined;
  /** The registry of the cluster, where images of the bundle are to be put into it. */
  readonly registryToFill?: ClusterRegistry | undefined;
  /** Names of the secrets whose change is under way. */
  readonly changedSecrets?: readonly string[];
}

/** Every change with its reason, and the steps in their order. `--plan` prints the same steps that a run takes. */
export interface Plan {
  readonly changes: readonly Change[];
  readonly steps: readonly PlanStep[];
}

/** Makes the plan of a run. Pure. */
export function makePlan(request: PlanRequest): Plan {
  const { declared, wanted, found, record, forgotten = new Set(), goesBack, registryToFill, changedSecrets = [] } = request;
  const changes = difference(wanted.resources, found, record, request);
  const busy = [...claimedResources(changes.filter((change) => !isIdle(change))).keys()];
  const recordHosts = new Set([...busy, ...request.staleHosts(changes)].filter((host) => !forgotten.has(host)));
  return {
    changes,
    steps: orderChanges({ declared, wanted, changes, record, recordHosts, forgotten, goesBack, registryToFill, changedSecrets }),
  };
}

/**
 * Finds components that would start with an empty data directory while their data stay in another one, mostly because a
 * variable was changed. A run with such a change is refused, because the component would run without its data.
 */
export function movedData(changes: readonly Change[]): readonly SiteConflict[] {
  const leaving = changes.flatMap((change): readonly (Removal | Staying)[] => {
    if (change.action === 'remove') return change.owned.data === true && change.end === 'kept' ? [change] : [];
    return change.action === 'keep' && change.resource === undefined ? [change] : [];
  });
  return leaving.flatMap(({ host, owned }) => {
    const next = changes.find(
      (change) =>
        change.action === 'add' &&
        change.resource.kind === 'directory' &&
        change.resource.spec.contents === 'data' &&
        change.resource.host === host &&
        change.resource.owner === owned.owner,
    );
    if (next === undefined || next.action !== 'add') return [];
    return [
      {
        where: host,
        problem: `the data of ${owned.owner} are in ${owned.key}, and it would start empty in ${next.resource.key}`,
        remedy: `Undo the change of the variable or manifest that names the directory`,
      },
    ];
  });
}
