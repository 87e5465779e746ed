import type { Clock, Emit } from '../core/index.ts';
import type { Host } from '../host/index.ts';
import type { OwnedResource } from '../site/index.ts';
import type { ContainerEngine } from './containers/container-engine.ts';
import type { PackageManager } from './packages/package-manager.ts';

/** Result of comparing a wanted resource with its host. */
export type Found =
  | {
      readonly state: 'absent';
      /** True when a service that the resource starts does not run. One may run although its definition is gone. */
      readonly isStopped?: boolean;
    }
  | { readonly state: 'same' }
  /** `why` is one clause about the resource: "its mode is 644, want 600". */
  | {
      readonly state: 'different';
      readonly why: string;
      /** True when a reload of the running service is enough, without a restart. */
      readonly byReload?: boolean;
      /** True when a service that the resource starts does not run. */
      readonly isStopped?: boolean;
    };

export const ABSENT: Found = { state: 'absent' };
export const SAME: Found = { state: 'same' };

/** Tools that every kind gets for its work on one host. */
export interface ResourceContext {
  readonly packages: PackageManager;
  /** Undefined on hosts without a container engine. */
  readonly engine: ContainerEngine | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/** A wanted resource, and whether it replaces something that Caisson did not make. */
export interface Wanted<Spec> {
  readonly key: string;
  readonly spec: Spec;
  /** True when Caisson did not make what stands there: the original is kept aside and put back when the owner goes. */
  readonly replaces: boolean;
}

export interface RemoveOptions {
  /** True when data of the owner are removed, too. */
  readonly purge: boolean;
}

/**
 * One kind of resource. Every function takes all resources of the kind on one host at once, because one command for many
 * paths or packages costs no more than a command for one. A function that was killed at any command can be repeated and
 * ends in the same state. All throw CommandFailedError for a command that fails and HOST_CONNECTION for a host that is
 * lost.
 */
export interface ResourceKind<Spec> {
  /** Compares resources with the host and changes nothing. The answers are in the order of `wanted`. */
  readonly look: (
    host: Host,
    wanted: readonly { readonly key: string; readonly spec: Spec }[],
    context: ResourceContext,
  ) => Promise<readonly Found[]>;
  /** Makes resources as wanted. A resource that is in that state already is not changed. */
  readonly ensure: (host: Host, wanted: readonly Wanted<Spec>[], context: ResourceContext) => Promise<void>;
  /** Removes resources of the record that still exist. Everything it needs is in `owned`. */
  readonly remove: (host: Host, owned: readonly OwnedResource[], context: ResourceContext, options: RemoveOptions) => Promise<void>;
  /** Data besides the key that the record stores for `remove`. */
  readonly details?: (spec: Spec) => Readonly<Record<string, string>>;
  /** Puts back the state before `ensure` in this run. Resources of a kind without `undo` stay as `ensure` made them. */
  readonly undo?: (host: Host, wanted: readonly Wanted<Spec>[], context: ResourceContext) => Promise<void>;
}
