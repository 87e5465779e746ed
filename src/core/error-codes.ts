import type { ExitStatus } from './exit-statuses.ts';

/**
 * The catalogue of errors: code → exit status and one-line summary. Every code is explained in docs/errors.md.
 * They are grouped by exit status; 1 is kept for bugs, which are not CaissonErrors.
 */
export const ERROR_CODES = {
  // 2: usage
  USAGE: { exit: 2, summary: 'The command line is wrong' },

  // 3: invalid input
  ARCHIVE_INVALID: { exit: 3, summary: 'An image archive is damaged or not one' },
  BACKUP_EXISTS: { exit: 3, summary: 'A file with the name of the backup is already there' },
  BACKUP_INVALID: { exit: 3, summary: 'A file is not a backup' },
  BACKUP_KEY_WRONG: { exit: 3, summary: 'A passphrase or key does not open a backup' },
  BUNDLE_BASE_MISSING: { exit: 3, summary: 'A delta was given without a bundle that holds the rest of it' },
  BUNDLE_EXISTS: { exit: 3, summary: 'A file with the name of the bundle is already there' },
  BUNDLE_PLAN_INVALID: { exit: 3, summary: 'What should go into a bundle does not fit together' },
  BUNDLE_VERSION_UNKNOWN: { exit: 3, summary: 'A bundle has a format that this version does not read' },
  CERTIFICATE_INVALID: { exit: 3, summary: 'A certificate or a request for one cannot be used' },
  CLUSTER_EXISTS: { exit: 3, summary: 'A cluster.yaml or a site that says something else is already there' },
  COMPRESSION_INVALID: { exit: 3, summary: 'Compressed data is damaged or in an unknown format' },
  DIGEST_INVALID: { exit: 3, summary: 'A digest is not sha256 and 64 hex digits' },
  EXECUTABLE_MISSING: { exit: 3, summary: 'The caisson executable for a platform is not there' },
  GRAPH_CYCLE: { exit: 3, summary: 'Things that need each other form a circle' },
  INPUT_CHANGED: { exit: 3, summary: 'A file changed while it was being worked on' },
  INPUT_INVALID: { exit: 3, summary: 'A file that the user wrote has mistakes' },
  INPUT_UNREADABLE: { exit: 3, summary: 'A file that the user named cannot be read' },
  LIMIT_EXCEEDED: { exit: 3, summary: 'Something is larger than Caisson accepts' },
  LINT_FAILED: { exit: 3, summary: 'The documents of a platform contradict each other' },
  LOCK_MISMATCH: { exit: 3, summary: 'The lock does not fit what is to be built' },
  OUTPUT_EXISTS: { exit: 3, summary: 'A file with the name of the output is already there' },
  PATH_UNSAFE: { exit: 3, summary: 'A path would leave the directory it belongs to' },
  PLATFORM_INVALID: { exit: 3, summary: 'A platform is not os/architecture[/variant]' },
  PUSH_NAMES_CLASH: { exit: 3, summary: 'Two images of a bundle would get the same name in a registry' },
  REFERENCE_INVALID: { exit: 3, summary: 'An image reference is not [registry/]name[:tag][@sha256:digest]' },
  SECRET_EXPOSED: { exit: 3, summary: 'A file with a key or password is open to others' },
  SIGNING_FAILED: { exit: 3, summary: 'A key cannot sign' },
  SITE_UNKNOWN: { exit: 3, summary: 'This machine has no record of a site' },
  SIZE_INVALID: { exit: 3, summary: 'A size is not a number of bytes or a number with a unit' },

  // 4: verification failed
  BACKUP_DAMAGED: { exit: 4, summary: 'A backup is not the file that was written' },
  BLOB_UNKNOWN: { exit: 4, summary: 'A blob is not where it should be' },
  BUNDLE_DAMAGED: { exit: 4, summary: 'A bundle is not the file that was built' },
  REBUILD_DIFFERS: { exit: 4, summary: 'A bundle is not the one that a lock gives' },
  BUNDLE_INCOMPLETE: { exit: 4, summary: 'Members of a bundle have not been written' },
  DIGEST_MISMATCH: { exit: 4, summary: 'Bytes do not have the digest or size they were promised to have' },
  FILE_UNKNOWN: { exit: 4, summary: 'A file is not where it should be' },
  REPOSITORY_UNTRUSTED: { exit: 4, summary: 'A package repository is not signed by a trusted key' },
  SIGNATURE_INVALID: { exit: 4, summary: 'A signature is not one of these bytes for this purpose' },
  SIGNATURE_MISSING: { exit: 4, summary: 'Something that must be signed is not' },
  SIGNER_UNKNOWN: { exit: 4, summary: 'Something is signed by nobody who may sign it' },
  VOLUMES_UNFIT: { exit: 4, summary: 'Volumes of a bundle are missing or do not belong together' },

  // 5: cannot resolve or fetch
  AUTH_FAILED: { exit: 5, summary: 'A registry refused the credentials or asks for some' },
  BACKUP_WRITE_FAILED: { exit: 5, summary: 'A backup, or a file from one, cannot be written' },
  BUILD_INCOMPLETE: { exit: 5, summary: 'Members of the bundle could not be downloaded' },
  BUILD_UNRESOLVED: { exit: 5, summary: 'Images or packages could not be resolved' },
  BUNDLE_WRITE_FAILED: { exit: 5, summary: 'A bundle cannot be written to its place' },
  FETCH_FAILED: { exit: 5, summary: 'Something could not be fetched from a server' },
  IMAGE_NOT_FOUND: { exit: 5, summary: 'A registry does not have an image' },
  IMAGE_PLATFORM_MISSING: { exit: 5, summary: 'An image does not exist for a platform that was asked for' },
  IMAGE_UNSUPPORTED: { exit: 5, summary: 'An image has a format that Caisson refuses' },
  OUTPUT_WRITE_FAILED: { exit: 5, summary: 'A file cannot be written to its place' },
  OUTPUT_LOST: { exit: 5, summary: 'What a command prints cannot be written' },
  PACKAGE_UNSOLVABLE: { exit: 5, summary: 'OS packages cannot be installed from the repositories given' },
  PUSH_INCOMPLETE: { exit: 5, summary: 'Images could not be pushed' },
  PUSH_REFUSED: { exit: 5, summary: 'A registry does not take what is pushed' },
  RATE_LIMITED: { exit: 5, summary: 'A server asks to wait longer than Caisson waits' },
  REPOSITORY_EXPIRED: { exit: 5, summary: 'The signed metadata of a package repository is not valid at this time' },
  REPOSITORY_INVALID: { exit: 5, summary: 'A package repository is incomplete or its metadata is malformed' },

  // 6: a host or the cluster failed
  AGENT_RELOAD_FAILED: { exit: 6, summary: 'A node agent reloaded with problems' },
  RUN_UNFINISHED: { exit: 6, summary: 'The last run of the site did not end well, and what was asked for depends on its end' },
  SITE_CONFLICT: { exit: 6, summary: 'What was asked for would do harm to the site that is there; nothing was changed' },
  SITE_RECORD_CHANGED: { exit: 7, summary: 'Another run wrote the record of the site meanwhile' },
  SITE_RECORD_INVALID: { exit: 6, summary: 'The record of the site cannot be understood' },
  AGENT_UNREACHABLE: { exit: 6, summary: 'A node agent does not answer' },
  ACTION_FAILED: { exit: 6, summary: 'An action of the platform failed' },
  CHANGES_PENDING: { exit: 6, summary: 'A run that may do one thing alone would make other changes, too; nothing was changed' },
  CLUSTER_UNHEALTHY: { exit: 6, summary: 'A node, a component or something that the seed does by itself is not well' },
  COMMAND_FAILED: { exit: 6, summary: 'A command on a host failed' },
  COMMAND_STALLED: { exit: 6, summary: 'A command on a host printed nothing for too long' },
  CONDITION_TIMEOUT: { exit: 6, summary: 'Something that was waited for made no progress' },
  HOSTS_UNFIT: { exit: 6, summary: 'Hosts do not fit what the cluster needs; nothing was changed' },
  HOST_AUTH_FAILED: { exit: 6, summary: 'A host refused the login' },
  HOST_CONNECTION: { exit: 6, summary: 'The connection to a host was lost' },
  HOST_FACTS_INVALID: { exit: 6, summary: 'A host answered something that cannot be understood' },
  HOST_KEY_CHANGED: { exit: 6, summary: 'A host shows another key than the known one' },
  HOST_KEY_UNKNOWN: { exit: 6, summary: 'The key of a host is not known, so that it could be any machine' },
  HOST_NOT_ROOT: { exit: 6, summary: 'The login on a host cannot become root' },
  HOST_SHELL_UNUSABLE: { exit: 6, summary: 'The login on a host does not run the commands it is given' },
  HOST_UNREACHABLE: { exit: 6, summary: 'A host does not answer' },
  INSTALL_FAILED: { exit: 6, summary: 'Steps of an install failed' },
  LISTEN_FAILED: { exit: 6, summary: 'A server cannot listen on its address' },
  NODE_UNHEALTHY: { exit: 6, summary: 'A component of this node is not healthy' },

  // 7: another run holds the lock
  BUNDLE_LOCKED: { exit: 7, summary: 'Another process writes the same bundle' },
  INSTALL_LOCKED: { exit: 7, summary: 'Another install runs on this machine' },

  // 130: interrupted
  INTERRUPTED: { exit: 130, summary: 'The run was interrupted' },
} as const satisfies Record<string, { exit: ExitStatus; summary: string }>;

export type ErrorCode = keyof typeof ERROR_CODES;
