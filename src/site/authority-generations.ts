import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { CaissonError, messageOf } from '../core/index.ts';
import { ifPresent, parseBoundedJson, readTextFile, writeFileAtomic } from '../io/index.ts';
import type { SeedLayout } from './layout.ts';

/** Name of the authority that every site has. It issues the certificates of the agents, the depot and operators. */
export const SITE_AUTHORITY = 'site';

const generation = z.int().min(1);

/**
 * The generations of one authority: 1 is the authority of the first install, and each rotation makes the next. At most one
 * of `next`, `before` and `retired` is there, and says how far a rotation has come.
 */
const generationsSchema = z.union([
  z.strictObject({ issuer: generation, next: generation }),
  z.strictObject({ issuer: generation, before: generation }),
  z.strictObject({ issuer: generation, retired: generation }),
  z.strictObject({ issuer: generation }),
]);

export interface Generations {
  /** Generation that issues certificates. */
  readonly issuer: number;
  /** Generation that is trusted and issues nothing yet. */
  readonly next?: number;
  /** Generation that is still trusted and issues nothing any more. */
  readonly before?: number;
  /** Generation that is trusted no more, and whose key the seed still has. */
  readonly retired?: number;
}

/**
 * Phases of a rotation, in their order. `trust`: every host gets the certificate of the next authority beside that of the
 * present one. `issue`: the next authority issues every certificate again. `retire`: the authority before is taken from
 * what the hosts trust.
 */
export const ROTATION_PHASES = ['trust', 'issue', 'retire'] as const;
export type RotationPhase = (typeof ROTATION_PHASES)[number];

/** The phase of a rotation that is under way; undefined when none is. */
export function phaseOf({ next, before, retired }: Generations): RotationPhase | undefined {
  if (next !== undefined) return 'trust';
  if (before !== undefined) return 'issue';
  return retired === undefined ? undefined : 'retire';
}

/** Returns the generations of the phase after this one. The phase after none is `trust`, the one after `retire` is none. */
export function advance({ issuer, next, before, retired }: Generations): Generations {
  if (next !== undefined) return { issuer: next, before: issuer };
  if (before !== undefined) return { issuer, retired: before };
  return retired === undefined ? { issuer, next: issuer + 1 } : { issuer };
}

/** Generations whose certificates hosts trust, the one that issues first. */
export function trustedGenerations({ issuer, next, before }: Generations): readonly number[] {
  return [issuer, next ?? before].filter((one) => one !== undefined);
}

/** Generations whose keys the seed keeps. */
export function heldGenerations(generations: Generations): readonly number[] {
  const { retired } = generations;
  return [...trustedGenerations(generations), ...(retired === undefined ? [] : [retired])];
}

/** Name, without its ending, of the files of one generation of an authority. */
export function generationFiles(authority: string, number: number): string {
  return number === 1 ? stemOf(authority) : `${stemOf(authority)}.${number}`;
}

/** The authority and the generation that a file in the directory of authorities belongs to, by its name without ending. */
export function generationOfFiles(name: string): { readonly authority: string; readonly number: number } {
  const [, stem = name, number = '1'] = /^(.*?)(?:\.(\d+))?$/.exec(name) ?? [];
  return { authority: stem === SITE_STEM ? SITE_AUTHORITY : stem, number: Number(number) };
}

/**
 * Reads the generations of an authority. An authority that was never rotated has no file for them. Throws
 * CERTIFICATE_INVALID when the file is damaged.
 */
export async function readGenerations({ authorities }: Pick<SeedLayout, 'authorities'>, authority: string): Promise<Generations> {
  const path = pathOf(authorities, authority);
  const text = await ifPresent(() => readTextFile(path));
  if (text === undefined) return { issuer: 1 };
  try {
    return generationsSchema.parse(parseBoundedJson(text));
  } catch (cause) {
    throw new CaissonError('CERTIFICATE_INVALID', `Cannot tell how far authority "${authority}" was replaced: "${path}" is damaged`, {
      cause,
      hint: 'Put it back from a backup: caisson restore FILE',
    });
  }
}

/** Writes the generations of an authority: from then on every run goes by them. Throws INPUT_UNREADABLE. */
export async function writeGenerations(
  { authorities }: Pick<SeedLayout, 'authorities'>,
  authority: string,
  generations: Generations,
): Promise<void> {
  const path = pathOf(authorities, authority);
  try {
    await writeFileAtomic(path, `${JSON.stringify(generationsSchema.parse(generations))}\n`, { mode: 0o600 });
  } catch (cause) {
    throw new CaissonError('INPUT_UNREADABLE', `Cannot write "${path}": ${messageOf(cause)}`, { cause });
  }
}

/**
 * Removes the keys and certificates of generations before those that the seed keeps. A rotation that was killed at its end
 * leaves them. Files of later generations stay: a rotation that was killed at its beginning has made them, and uses them.
 */
export async function removeEarlierGenerations({ authorities }: Pick<SeedLayout, 'authorities'>, authority: string): Promise<void> {
  const first = Math.min(...heldGenerations(await readGenerations({ authorities }, authority)));
  if (first === 1) return;
  for (const file of (await ifPresent(() => readdir(authorities))) ?? []) {
    const [, stem] = /^(.*)\.(?:crt|key)$/.exec(file) ?? [];
    if (stem === undefined) continue;
    const found = generationOfFiles(stem);
    if (found.authority === authority && found.number < first) await rm(join(authorities, file), { force: true });
  }
}

const SITE_STEM = 'ca';

function stemOf(authority: string): string {
  return authority === SITE_AUTHORITY ? SITE_STEM : authority;
}

function pathOf(authorities: string, authority: string): string {
  return join(authorities, `${stemOf(authority)}.json`);
}
