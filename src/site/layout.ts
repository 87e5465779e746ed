import { posix } from 'node:path';

/** Where things live on the hosts. Everything of ours is under these paths; a platform's own paths are in its manifests. */
export const EXECUTABLE = '/usr/local/bin/caisson';
export const PKI = '/etc/caisson/pki';
export const AGENT_CONFIG = '/etc/caisson/agent.yaml';
export const AGENT_STATE = '/var/lib/caisson/agent';
export const AGENT_UNIT = 'caisson-agent.service';
export const APT = '/etc/caisson/apt';
export const APT_LISTS = '/var/lib/caisson/apt/lists';
export const UNITS = '/etc/systemd/system';
export const AGENT_PORT = 6100;
/** Name of our block in /etc/hosts. */
export const HOST_NAMES_BLOCK = 'caisson';
export const DEPOT_UNIT = 'caisson-depot.service';
/** The record that each host keeps of its site. */
export const HOST_RECORD = '/etc/caisson/site.json';

/** Places on the seed alone: this process reads and writes them itself. */
export interface SeedLayout {
  /** Bundles, under names that say which they are. */
  readonly bundles: string;
  /** Every run, step by step, as JSON lines. */
  readonly journal: string;
  /** The record of the site. */
  readonly record: string;
  /** Generated passwords, one file each. */
  readonly secrets: string;
  /** Every certificate of the site with its key. */
  readonly certificates: string;
  /** The authorities of the site, their keys included. */
  readonly authorities: string;
  /** Files for operators on the seed: their certificate, and the authority's. */
  readonly pki: string;
  /** Files that the depot's unit reads. */
  readonly depot: string;
  /** Name of the lock that a run holds. */
  readonly lock: string;
}

/** The seed's places; under another root than / in tests only. */
export function seedLayout(root = '/'): SeedLayout {
  const state = posix.join(root, '/var/lib/caisson');
  const settings = posix.join(root, '/etc/caisson');
  return {
    bundles: posix.join(state, 'bundles'),
    journal: posix.join(state, 'journal.jsonl'),
    record: posix.join(state, 'site.json'),
    secrets: posix.join(state, 'secrets'),
    certificates: posix.join(state, 'certificates'),
    authorities: posix.join(state, 'authorities'),
    pki: posix.join(settings, 'pki'),
    depot: posix.join(settings, 'depot'),
    lock: root === '/' ? 'caisson-install' : `caisson-install ${root}`,
  };
}
