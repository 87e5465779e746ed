import type { Resource } from '../resources/index.ts';
import type { OwnedResource } from '../site/index.ts';

/** A resource that is added, or changed because it differs from the wanted state. */
export interface Making {
  readonly action: 'add' | 'change';
  readonly resource: Resource;
  /** One clause that says why, such as "its content differs". */
  readonly reason: string;
  /** True when Caisson did not make what stands there: the original is kept aside and put back when the owner goes. */
  readonly replaces: boolean;
  readonly owned: OwnedResource;
  /** True when a reload of the running service is enough, without a restart. */
  readonly isReload?: boolean;
  /** True when a service that the resource starts does not run now, such as one that a person stopped. */
  readonly isStopped?: boolean;
}

/** A resource that is in the wanted state already. */
export interface Keeping {
  readonly action: 'keep';
  readonly resource: Resource;
  /** Undefined for a parent directory that existed before Caisson: it does not go into the record. */
  readonly owned: OwnedResource | undefined;
}

/** Data of an owner that is gone. An earlier run left it in place, and this run does so again. */
export interface Staying {
  readonly action: 'keep';
  readonly resource?: undefined;
  readonly host: string;
  readonly owned: OwnedResource;
}

/** A resource in the record that is not wanted any more. */
export interface Removal {
  readonly action: 'remove';
  readonly host: string;
  readonly owned: OwnedResource;
  readonly reason: string;
  /**
   * `gone`: the run removes it. `left`: stays because it existed before Caisson. `kept`: stays because it holds data, also where these were there before.
   */
  readonly end: 'gone' | 'left' | 'kept';
}

/** The decision about one resource. */
export type Change = Making | Keeping | Staying | Removal;

export function isMaking(change: Change): change is Making {
  return change.action === 'add' || change.action === 'change';
}

/** True when the change needs no step: a resource that is as wanted, or data that stays since an earlier run. */
export function isIdle(change: Change): boolean {
  return change.action === 'keep' || (change.action === 'remove' && change.end === 'kept' && change.owned.kept === true);
}

export function hostOfChange(change: Change): string {
  return change.action === 'remove' || change.resource === undefined ? change.host : change.resource.host;
}

export function ownerOfChange(change: Change): string {
  return change.action === 'remove' || change.resource === undefined ? change.owned.owner : change.resource.owner;
}
