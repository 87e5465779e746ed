import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CaissonError, errnoOf, type Clock } from '../core/index.ts';
import { readTextFile } from '../io/index.ts';
import { certificateInfo } from '../pki/index.ts';
import type { SeedLayout } from './layout.ts';
import { SITE_AUTHORITY } from './site-keys.ts';

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
