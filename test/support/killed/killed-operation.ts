import type { SimulatedSite } from '../simulated-site.ts';
import type { KilledBundles } from './bundles.ts';

/** A site at the moment before an operation that is killed. */
export interface ReadySite {
  readonly site: SimulatedSite;
  /** Runs the operation. The run after a kill is this one again, as an operator repeats a command. */
  readonly run: () => Promise<unknown>;
  /** Runs what finds nothing to do afterwards. */
  readonly again: () => Promise<{ readonly changed: number }>;
  /** Returns what must be as after an undisturbed run, besides the machines and the record. */
  readonly facts?: () => unknown;
  /** Paths of machines that depend on how often the operation was begun. */
  readonly except?: RegExp;
  /** Throws where something does not hold right after a kill. */
  readonly atDeath?: () => void | Promise<void>;
  /** Directory of the files of the seed after the operation; that of the site by default. */
  readonly seedRoot?: string;
}

/** An operation of a site, which is killed at its commands and run again. */
export interface KilledOperation {
  readonly name: string;
  /** Makes a site in a directory of its own, and brings it to the moment before the operation. */
  readonly ready: (own: string, bundles: KilledBundles) => Promise<ReadySite>;
}

export const yes = async (): Promise<boolean> => true;
