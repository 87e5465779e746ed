import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CaissonError, errnoOf, type Clock } from '../core/index.ts';
import type { RunSummary } from '../engine/index.ts';
import { readTextFile, suggestName } from '../io/index.ts';
import { certificateInfo } from '../pki/index.ts';
import { SITE_AUTHORITY, type SeedLayout } from '../site/index.ts';
import { planOperation, runOperation, type Approve, type Operation, type OperationOptions } from './operation.ts';
import type { PlannedRun } from './planned-run.ts';
import { layoutOf } from './session.ts';

const DAY_MS = 86_400_000;
const SUFFIX = '.crt';

/** A certificate that the seed keeps. */
export interface SiteCertificate {
  /** ID for those of the site's authority, AUTHORITY/ID for others; the name of the authority for its own. */
  readonly name: string;
  /** Name of the authority that issued it. */
  readonly authority: string;
  readonly isAuthority: boolean;
  readonly subject: string;
  /** DNS names and addresses. */
  readonly names: readonly string[];
  /** ISO 8601, UTC. */
  readonly ends: string;
  /** Whole days until the end; negative after it. */
  readonly daysLeft: number;
}

/** Lists the authorities and certificates of a site as the seed keeps them, the first to end first. Empty on other machines. */
export async function listCertificates({ authorities, certificates }: SeedLayout, clock: Clock): Promise<readonly SiteCertificate[]> {
  const own = (await namesIn(authorities)).map(async (name) => {
    const authority = name === 'ca' ? SITE_AUTHORITY : name;
    return describe(authority, authority, true, await readTextFile(join(authorities, `${name}${SUFFIX}`)), clock);
  });
  const issued = (await namesIn(certificates)).map(async (name) => {
    const slash = name.indexOf('/');
    const authority = slash < 0 ? SITE_AUTHORITY : name.slice(0, slash);
    return describe(name, authority, false, await readTextFile(join(certificates, `${name}${SUFFIX}`)), clock);
  });
  return (await Promise.all([...own, ...issued])).sort(
    (left, right) => left.daysLeft - right.daysLeft || (left.name < right.name ? -1 : 1),
  );
}

/** Names of the certificates in a directory and one level below it. */
async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(directory, { recursive: true });
    return entries.filter((entry) => entry.endsWith(SUFFIX)).map((entry) => entry.slice(0, -SUFFIX.length));
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return [];
    throw new CaissonError('INPUT_UNREADABLE', `Cannot look for certificates in "${directory}"`, { cause });
  }
}

function describe(name: string, authority: string, isAuthority: boolean, text: string, clock: Clock): SiteCertificate {
  const { subject, dnsNames, addresses, notAfter } = certificateInfo(text);
  const daysLeft = Math.floor((notAfter.getTime() - clock.now().getTime()) / DAY_MS);
  return { name, authority, isAuthority, subject, names: [...dnsNames, ...addresses], ends: notAfter.toISOString(), daysLeft };
}

const RENEW: Operation = { name: 'renew certificates' };

/** Plans a renewal and changes nothing. Throws as a renewal does before its first change. */
export async function planRenewal(options: OperationOptions): Promise<PlannedRun> {
  return planOperation(await withKnownNames(options), RENEW);
}

/**
 * Issues the certificates in `options.renew` again, with new keys, and brings them to their hosts: what uses them reloads or
 * restarts as the platform says, host after host. An authority is not among them. Throws USAGE for a name that the site
 * does not have, and as runOperation does.
 */
export async function renewCertificates(options: OperationOptions, approve: Approve): Promise<RunSummary> {
  return runOperation(await withKnownNames(options), RENEW, approve);
}

async function withKnownNames(options: OperationOptions): Promise<OperationOptions> {
  const known = (await listCertificates(layoutOf(options), options.clock))
    .filter(({ isAuthority }) => !isAuthority)
    .map(({ name }) => name);
  for (const name of options.renew ?? []) {
    if (!known.includes(name)) {
      throw new CaissonError('USAGE', `Cannot renew "${name}": the site has no such certificate`, {
        hint: [suggestName(name, known), 'List them: caisson certificates'].filter((part) => part !== undefined).join(' '),
      });
    }
  }
  return options;
}
