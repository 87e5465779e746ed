import type { Resource } from '../resources/index.ts';
import type { OwnedResource } from '../site/index.ts';

/** Something is made that was not there, or is made other than it was. */
export interface Making {
  readonly action: 'add' | 'change';
  readonly resource: Resource;
  /** One clause: "its content differs". */
  readonly reason: string;
  /** Something that is not ours stands in its place: it is kept aside. */
  readonly replaces: boolean;
  readonly owned: OwnedResource;
  /** A unit takes what changed without a restart. */
  readonly isReload?: boolean;
}

/** Something is as wanted. */
export interface Keeping {
  readonly action: 'keep';
  readonly resource: Resource;
  /** Undefined for what is neither ours nor needs to be: a directory above others that was there. */
  readonly owned: OwnedResource | undefined;
}

/** Data of an owner that is gone stay where an earlier run left them. */
export interface Staying {
  readonly action: 'keep';
  readonly resource?: undefined;
  readonly host: string;
  readonly owned: OwnedResource;
}

/** Something of ours is wanted no more. */
export interface Removal {
  readonly action: 'remove';
  readonly host: string;
  readonly owned: OwnedResource;
  readonly reason: string;
  /** `gone`: removed. `left`: was there before us and stays. `kept`: holds data and stays. */
  readonly end: 'gone' | 'left' | 'kept';
}

/** What a run would do with one thing. */
export type Change = Making | Keeping | Staying | Removal;

export function isMaking(change: Change): change is Making {
  return change.action === 'add' || change.action === 'change';
}

/** True where no step follows: a thing is as wanted, or holds data of an owner that went in an earlier run. */
export function isIdle(change: Change): boolean {
  return change.action === 'keep' || (change.action === 'remove' && change.end === 'kept' && change.owned.kept === true);
}

export function hostOfChange(change: Change): string {
  return change.action === 'remove' || change.resource === undefined ? change.host : change.resource.host;
}

export function ownerOfChange(change: Change): string {
  return change.action === 'remove' || change.resource === undefined ? change.owned.owner : change.resource.owner;
}
