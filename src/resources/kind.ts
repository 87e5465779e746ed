import type { Clock, Emit } from '../core/index.ts';
import type { Host } from '../host/index.ts';
import type { OwnedResource } from '../site/index.ts';
import type { ContainerEngine } from './containers/container-engine.ts';
import type { PackageManager } from './packages/package-manager.ts';

/** How a thing was found on its host. */
export type Found =
  | { readonly state: 'absent' }
  | { readonly state: 'same' }
  /** `why` is one clause without a subject: "its mode is 644, want 600". */
  | {
      readonly state: 'different';
      readonly why: string;
      /** The running service takes it by a reload, without a restart. */
      readonly byReload?: boolean;
    };

export const ABSENT: Found = { state: 'absent' };
export const SAME: Found = { state: 'same' };

/** What kinds use while they look and work on one host. */
export interface ResourceContext {
  readonly packages: PackageManager;
  readonly engine: ContainerEngine;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/** A wanted thing, and whether something that is not ours stands in its place. */
export interface Wanted<Spec> {
  readonly key: string;
  readonly spec: Spec;
  /** Something that is not ours is replaced: it is kept aside and put back when the owner goes. */
  readonly replaces: boolean;
}

export interface RemoveOptions {
  /** Data go too. */
  readonly purge: boolean;
}

/**
 * One kind of thing. Every function takes all things of the kind on one host at once, because one command for many paths or
 * packages costs no more than for one. All may be repeated after a kill at any command and end in the same state. They throw
 * CommandFailedError for a command that fails and HOST_CONNECTION for a host that is lost.
 */
export interface ResourceKind<Spec> {
  /** Looks and changes nothing; the answers are in the order of `wanted`. */
  readonly look: (
    host: Host,
    wanted: readonly { readonly key: string; readonly spec: Spec }[],
    context: ResourceContext,
  ) => Promise<readonly Found[]>;
  /** Makes things as wanted; what is so already is left alone. */
  readonly ensure: (host: Host, wanted: readonly Wanted<Spec>[], context: ResourceContext) => Promise<void>;
  /** Removes things of ours that are there; needs nothing but what the record keeps of them. */
  readonly remove: (host: Host, owned: readonly OwnedResource[], context: ResourceContext, options: RemoveOptions) => Promise<void>;
  /** What the record must keep beside the key, for `remove`. */
  readonly details?: (spec: Spec) => Readonly<Record<string, string>>;
  /** Puts back what was there before `ensure` in this run; kinds without it have nothing worth putting back. */
  readonly undo?: (host: Host, wanted: readonly Wanted<Spec>[], context: ResourceContext) => Promise<void>;
}
