import { posix } from 'node:path';

/**
 * Paths, units and ports on the hosts. Every file that Caisson itself installs is below these paths; the manifests name
 * the paths of a platform.
 */
export const EXECUTABLE = '/usr/local/bin/caisson';
/** Directory of the programs that Caisson installs. */
const PROGRAMS = posix.dirname(EXECUTABLE);
/** Directory of settings on every host. */
export const SETTINGS = '/etc/caisson';
/** Directory of everything else that Caisson keeps on a host. */
export const STATE = '/var/lib/caisson';
export const PKI = posix.join(SETTINGS, 'pki');
export const AGENT_CONFIG = posix.join(SETTINGS, 'agent.yaml');
export const AGENT_STATE = posix.join(STATE, 'agent');
export const AGENT_UNIT = 'caisson-agent.service';
export const UNITS = '/etc/systemd/system';
export { AGENT_PORT } from '../core/index.ts';
/** Name of our block in /etc/hosts. */
export const HOST_NAMES_BLOCK = 'caisson';
export const DEPOT_UNIT = 'caisson-depot.service';
/** The timer on the seed that starts BACKUP_UNIT. */
export const BACKUP_TIMER = 'caisson-backup.timer';
export const BACKUP_UNIT = 'caisson-backup.service';
/** The timer on the seed that starts RENEWAL_UNIT. */
export const RENEWAL_TIMER = 'caisson-renewal.timer';
export const RENEWAL_UNIT = 'caisson-renewal.service';
/** File with the record that each host keeps of its site. */
export const HOST_RECORD = posix.join(SETTINGS, 'site.json');

/** Path of the link to the executable under the name that the platform gives the command. */
export function commandPath(name: string): string {
  return posix.join(PROGRAMS, name);
}

/**
 * Directory on a host for the data of components that a backup fetches or a restore puts back. Each component has a directory
 * of its own in it, while one of the two is under way.
 */
export const DATA_PLACE = posix.join(STATE, 'data');

/** Paths that exist on the seed only. The process of a run reads and writes them directly. */
export interface SeedLayout {
  /** Directory of bundles, named by stagedBundleName. */
  readonly bundles: string;
  /** File of the journal: JSON lines. */
  readonly journal: string;
  /** File of the site record. */
  readonly record: string;
  /** Directory of generated passwords, one file each. */
  readonly secrets: string;
  /** Directory of all certificates of the site with their keys. */
  readonly certificates: string;
  /** Directory of the authorities' certificates and keys. */
  readonly authorities: string;
  /** Directory of files for operators on the seed: their certificate, and the certificate of the authority. */
  readonly pki: string;
  /** Directory of files that the unit of the depot reads. */
  readonly depot: string;
  /** File that says how the last backup by cluster.yaml ended. */
  readonly lastBackup: string;
  /** File that says how the last renewal of the certificates that were due ended. */
  readonly lastRenewal: string;
  /** Name of the install lock, which a run holds. */
  readonly lock: string;
}

/** Returns the paths on the seed. Only tests give another root than /. */
export function seedLayout(root = '/'): SeedLayout {
  const state = posix.join(root, STATE);
  const settings = posix.join(root, SETTINGS);
  return {
    bundles: posix.join(state, 'bundles'),
    journal: posix.join(state, 'journal.jsonl'),
    record: posix.join(state, 'site.json'),
    secrets: posix.join(state, 'secrets'),
    certificates: posix.join(state, 'certificates'),
    authorities: posix.join(state, 'authorities'),
    pki: posix.join(settings, 'pki'),
    depot: posix.join(settings, 'depot'),
    lastBackup: posix.join(state, 'last-backup.json'),
    lastRenewal: posix.join(state, 'last-renewal.json'),
    lock: root === '/' ? 'caisson-install' : `caisson-install ${root}`,
  };
}

/** Returns the paths on the seed of the key pair that signs the package repositories. */
export function repositoryKeyPaths({ depot }: Pick<SeedLayout, 'depot'>) {
  return { privateKey: posix.join(depot, 'repository.key'), publicKey: posix.join(depot, 'repository.asc') };
}

/** Returns the path on the seed of the settings with which the depot reaches upstream. */
export function upstreamSettingsPath({ depot }: Pick<SeedLayout, 'depot'>): string {
  return posix.join(depot, 'upstream.json');
}

/** Returns the paths on the seed of the depot's certificate and key. */
export function depotTlsPaths({ depot }: Pick<SeedLayout, 'depot'>) {
  return { certificate: posix.join(depot, 'tls.crt'), key: posix.join(depot, 'tls.key') };
}

/** Returns the paths on the seed of the key pair by which it logs in to hosts, in the form of ssh-keygen. */
export function loginKeyPaths({ certificates }: Pick<SeedLayout, 'certificates'>) {
  return { private: posix.join(certificates, 'login', 'site.key'), public: posix.join(certificates, 'login', 'site.pub') };
}

/** Returns the paths on the seed of the operator's certificate and key, and of the certificate of the site's authority. */
export function operatorPaths({ pki }: Pick<SeedLayout, 'pki'>) {
  return { authority: posix.join(pki, 'ca.crt'), certificate: posix.join(pki, 'operator.crt'), key: posix.join(pki, 'operator.key') };
}
