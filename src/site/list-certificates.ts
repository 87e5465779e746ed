import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CaissonError, errnoOf, type Clock } from '../core/index.ts';
import { readTextFile } from '../io/index.ts';
import { certificateInfo, RENEWAL_DAYS } from '../pki/index.ts';
import {
  generationOfFiles,
  phaseOf,
  readGenerations,
  SITE_AUTHORITY,
  trustedGenerations,
  type RotationPhase,
} from './authority-generations.ts';
import type { SeedLayout } from './layout.ts';

const DAY_MS = 86_400_000;
const SUFFIX = '.crt';

/** A certificate that the seed keeps. */
export interface SiteCertificate {
  /**
   * ID for those of the site's authority, AUTHORITY/ID for others; the name of the authority for its own. Of two authorities
   * that are trusted during a rotation, the one that does not issue has AUTHORITY (next) or AUTHORITY (before).
   */
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
export async function listCertificates(layout: SeedLayout, clock: Clock): Promise<readonly SiteCertificate[]> {
  const { authorities, certificates } = layout;
  const own = (await namesIn(authorities)).map(async (files) => {
    const { authority, number } = generationOfFiles(files);
    const generations = await readGenerations(layout, authority);
    // A rotation that was killed at its beginning or end left certificates that no host trusts.
    if (!trustedGenerations(generations).includes(number)) return [];
    const which = number === generations.issuer ? '' : number === generations.next ? ' (next)' : ' (before)';
    return [describe(`${authority}${which}`, authority, true, await readTextFile(join(authorities, `${files}${SUFFIX}`)), clock)];
  });
  const issued = (await namesIn(certificates)).map(async (name) => {
    const slash = name.indexOf('/');
    const authority = slash < 0 ? SITE_AUTHORITY : name.slice(0, slash);
    return [describe(name, authority, false, await readTextFile(join(certificates, `${name}${SUFFIX}`)), clock)];
  });
  return (await Promise.all([...own, ...issued]))
    .flat()
    .sort((left, right) => left.daysLeft - right.daysLeft || (left.name < right.name ? -1 : 1));
}

/**
 * Those of the certificates that the next run issues again: their end is near, and the authority lasts longer, or they have ended. No
 * authority is among them.
 */
export function dueCertificates(all: readonly SiteCertificate[], clock: Clock): readonly SiteCertificate[] {
  const now = clock.now().getTime();
  return all.filter(({ isAuthority, authority, ends }) => {
    const [end, issuer] = [Date.parse(ends), all.find((one) => one.isAuthority && one.name === authority)];
    if (isAuthority || end - now > RENEWAL_DAYS * DAY_MS) return false;
    // One that ends together with its authority would not be longer if it was issued again.
    return end <= now || issuer === undefined || end < Date.parse(issuer.ends);
  });
}

/** The rotations of authorities that are under way, each with its phase. */
export async function listRotations(layout: SeedLayout): Promise<ReadonlyMap<string, RotationPhase>> {
  const names = new Set((await namesIn(layout.authorities)).map((files) => generationOfFiles(files).authority));
  const found = new Map<string, RotationPhase>();
  for (const name of names) {
    const phase = phaseOf(await readGenerations(layout, name));
    if (phase !== undefined) found.set(name, phase);
  }
  return found;
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
