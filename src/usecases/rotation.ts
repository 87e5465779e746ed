import { X509Certificate } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CaissonError, type Clock } from '../core/index.ts';
import type { RunSummary } from '../engine/index.ts';
import { ifPresent, readTextFile, suggestName } from '../io/index.ts';
import {
  advance,
  generationFiles,
  listCertificates,
  phaseOf,
  readGenerations,
  removeEarlierGenerations,
  ROTATION_PHASES,
  SITE_AUTHORITY,
  writeGenerations,
  type Generations,
  type RotationPhase,
  type SeedLayout,
} from '../site/index.ts';
import { planOperation, runOperation, type Approve, type Operation, type OperationOptions } from './operation.ts';
import type { PlannedRun } from './planned-run.ts';
import { layoutOf } from './session.ts';

/** The line about each phase that its plan shows. */
const PHASE_NOTES: Readonly<Record<RotationPhase, string>> = {
  trust: 'every host gets the next authority beside the present one',
  issue: 'the next authority issues every certificate again; both are trusted',
  retire: 'the authority before is taken from every host',
};

/** Plans the phase of a rotation that comes next, and changes nothing. Throws as that phase does before its first change. */
export async function planRotation(options: OperationOptions, authority: string): Promise<PlannedRun> {
  const layout = layoutOf(options);
  await requireAuthority(authority, layout, options.clock);
  const phase = await phaseToRun(layout, authority, options.clock);
  return planOperation({ ...options, rotate: { authority, generations: phase.generations } }, rotation(layout, authority, phase));
}

/**
 * Replaces an authority by a new one, in three runs: RotationPhase says what each does. A phase begins only after every step
 * and gate of the one before has succeeded, so that clients and servers trust each other at any time. Each phase is approved
 * by itself. A rotation that was killed, that failed or that was not approved goes on in its phase when it is run again; other
 * operations meanwhile leave it where it is. Throws USAGE for an authority that the site does not have, and as runOperation
 * does.
 */
export async function rotateAuthority(options: OperationOptions, authority: string, approve: Approve): Promise<RunSummary> {
  const layout = layoutOf(options);
  await requireAuthority(authority, layout, options.clock);
  let phase = await phaseToRun(layout, authority, options.clock);
  const summaries: RunSummary[] = [];
  while (phaseOf(phase.generations) !== undefined) {
    const { generations } = phase;
    summaries.push(await runOperation({ ...options, rotate: { authority, generations } }, rotation(layout, authority, phase), approve));
    phase = { stored: advance(generations), generations: advance(generations) };
  }
  return {
    steps: summaries.reduce((sum, { steps }) => sum + steps, 0),
    changed: summaries.reduce((sum, { changed }) => sum + changed, 0),
  };
}

/** A phase to run, and what the seed has noted before it. */
interface PhaseToRun {
  readonly stored: Generations;
  readonly generations: Generations;
}

/** The operation of one phase. When it has ended well, the next phase is noted, or after the last one the end. */
function rotation(layout: SeedLayout, authority: string, { stored, generations }: PhaseToRun): Operation {
  const phase = phaseOf(generations);
  return {
    name: 'rotate authority',
    check: () => requireStored(layout, authority, stored),
    notes: () => (phase === undefined ? [] : [noteOf(authority, phase)]),
    approved: () => writeGenerations(layout, authority, generations),
    ended: async () => {
      const next = advance(generations);
      if (phaseOf(next) === undefined) await removeCertificatesOfOthers(layout, authority, generations);
      await writeGenerations(layout, authority, next);
      await removeEarlierGenerations(layout, authority);
    },
  };
}

function noteOf(authority: string, phase: RotationPhase): string {
  const number = ROTATION_PHASES.indexOf(phase) + 1;
  return `Phase ${number} of ${ROTATION_PHASES.length} of the rotation of authority "${authority}": ${PHASE_NOTES[phase]}`;
}

/** The phase that a rotation has to run now. */
async function phaseToRun(layout: SeedLayout, authority: string, clock: Clock): Promise<PhaseToRun> {
  const stored = await readGenerations(layout, authority);
  if (phaseOf(stored) !== undefined) return { stored, generations: stored };
  const first = advance(stored);
  // An authority that has ended certifies nothing and has lost its trust, so that no host has to be waited for.
  return { stored, generations: (await hasEnded(layout, authority, stored, clock)) ? advance(first) : first };
}

/** Called with the install lock held: another rotation may have gone on since the phase was looked up. */
async function requireStored(layout: SeedLayout, authority: string, stored: Generations): Promise<void> {
  if (JSON.stringify(await readGenerations(layout, authority)) === JSON.stringify(stored)) return;
  throw new CaissonError('SITE_RECORD_CHANGED', `Cannot rotate "${authority}": another run has gone on with its rotation`, {
    hint: 'Look how far it is: caisson certificates',
  });
}

async function hasEnded({ authorities }: SeedLayout, authority: string, { issuer }: Generations, clock: Clock): Promise<boolean> {
  const path = join(authorities, `${generationFiles(authority, issuer)}.crt`);
  return Date.parse(new X509Certificate(await readTextFile(path)).validTo) <= clock.now().getTime();
}

async function requireAuthority(authority: string, layout: SeedLayout, clock: Clock): Promise<void> {
  const all = await listCertificates(layout, clock);
  const known = [...new Set(all.filter(({ isAuthority }) => isAuthority).map((one) => one.authority))];
  if (known.includes(authority)) return;
  throw new CaissonError('USAGE', `Cannot rotate "${authority}": the site has no such authority`, {
    hint: [suggestName(authority, known), 'List them: caisson certificates'].filter((part) => part !== undefined).join(' '),
  });
}

/**
 * Removes from the seed what an authority before has issued and the present one has not: the certificates of nodes and
 * components that the site has no more.
 */
async function removeCertificatesOfOthers(layout: SeedLayout, authority: string, { issuer }: Generations): Promise<void> {
  const own = new X509Certificate(await readTextFile(join(layout.authorities, `${generationFiles(authority, issuer)}.crt`)));
  const directory = authority === SITE_AUTHORITY ? layout.certificates : join(layout.certificates, authority);
  for (const file of (await ifPresent(() => readdir(directory))) ?? []) {
    if (!file.endsWith('.crt')) continue;
    const path = join(directory, file);
    const text = await ifPresent(() => readTextFile(path));
    if (text === undefined || new X509Certificate(text).checkIssued(own)) continue;
    await rm(path, { force: true });
    await rm(path.replace(/\.crt$/, '.key'), { force: true });
  }
}
