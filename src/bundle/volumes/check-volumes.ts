import { basename } from 'node:path';
import { readTarHeader, TAR_BLOCK, tarHeader, type FilePart, type SharedFile } from '../../io/index.ts';
import { BUNDLE_JSON } from '../format/member-path.ts';
import type { BundlePlan, PlannedMember } from '../format/plan.ts';
import { readSignatures, signedPlan, unsignedPlan } from '../format/signature-members.ts';
import { MOST_VOLUMES, parseVolumePath, siblingVolume } from './volume-path.ts';
import type { VolumeProblem } from './volumes-error.ts';

export interface VolumeCheck {
  /** Volumes that prevent reading all as one file: of a wrong size, missing, or superfluous. */
  readonly misfits: readonly VolumeProblem[];
  /** Volumes of the right size in which no probed header is in its place. */
  readonly foreign: readonly (VolumeProblem & {
    /** False when only one header was probed, which could be damaged. */
    readonly isCertain: boolean;
  })[];
}

/** Most headers that are read from each volume. A volume counts as right when one of them is in its place. */
const PROBES = 8;
/** Most suspect volumes for which the right place is searched. */
const SEARCH_LIMIT = 8;
const FINE: VolumeCheck = { misfits: [], foreign: [] };

/**
 * Checks volumes against bundle.json by their sizes and by a few headers in each. All volumes but the last have one
 * size; the size of the first, of the others, and the one that would fit the last are tried, and the one with the
 * highest score decides which volumes are wrong.
 */
export async function checkVolumes(file: SharedFile, plan: BundlePlan): Promise<VolumeCheck> {
  if (parseVolumePath(file.path) === undefined) return FINE;
  let best: Judgement | undefined;
  const unsigned = unsignedPlan(plan);
  for (const size of possibleSizes(file.parts, unsigned.size)) {
    const signed = await withSignatures(file, unsigned, size);
    const judgement = await new VolumeJudge(file, signed, size).judge();
    if (best === undefined || judgement.score > best.score) best = judgement;
    if (best.misfits.length + best.foreign.length === 0) break;
  }
  return best ?? FINE;
}

/** The plan with the signatures that are there, read as if all volumes but the last had this size. */
async function withSignatures(file: SharedFile, plan: BundlePlan, size: number): Promise<BundlePlan> {
  const last = file.parts.at(-1);
  if (last === undefined) return plan;
  const read = async (start: number, length: number): Promise<Buffer> => {
    const bytes: Buffer[] = [];
    for (let position = start; position < start + length;) {
      const part = file.parts[Math.min(Math.floor(position / size), file.parts.length - 1)] ?? last;
      const at = position - file.parts.indexOf(part) * size;
      const wanted = Math.min(start + length - position, part === last ? Infinity : size - at, sizeOf(part) - at);
      if (wanted <= 0) break;
      bytes.push(await file.read(part.start + at, wanted));
      position += wanted;
    }
    return Buffer.concat(bytes);
  };
  return signedPlan(plan, await readSignatures({ size: (file.parts.length - 1) * size + sizeOf(last), read }, plan));
}

/**
 * The problems that show without bundle.json: a size that differs from most others, or a bundle that begins in another
 * volume than the first.
 */
export async function checkVolumesWithoutPlan(file: SharedFile): Promise<readonly VolumeProblem[]> {
  const [first, ...others] = file.parts;
  const last = file.parts.at(-1);
  if (first === undefined || last === undefined || parseVolumePath(first.path) === undefined) return [];
  const [common = sizeOf(first)] = commonSizes(file.parts.slice(0, -1));
  const misfits = file.parts.filter((part) => (part !== last || first === last ? sizeOf(part) !== common : sizeOf(part) > common));
  if (misfits.length > 0) {
    return misfits.map((part) => ({ volume: part.path, reason: `it has ${sizeOf(part)} bytes, and most others ${common}` }));
  }
  const wanted = await firstMemberEnd(file, first);
  if (wanted !== undefined) return wanted > file.size ? [missingAfter(last)] : [];
  for (const part of others) {
    if ((await firstMemberEnd(file, part)) !== undefined)
      return [{ volume: part.path, reason: `it holds what belongs in "${basename(first.path)}"` }];
  }
  return [];
}

/** The most frequent first; of those that are as frequent, the larger one: files get shorter by accident. */
function commonSizes(parts: readonly FilePart[]): readonly number[] {
  const counts = new Map<number, number>();
  for (const part of parts) counts.set(sizeOf(part), (counts.get(sizeOf(part)) ?? 0) + 1);
  return [...counts].sort((left, right) => right[1] - left[1] || right[0] - left[0]).map(([size]) => size);
}

/** Where bundle.json ends in a file that begins with it; undefined for any other. */
async function firstMemberEnd(file: SharedFile, part: FilePart): Promise<number | undefined> {
  const header = readTarHeader(await file.read(part.start, Math.min(TAR_BLOCK, file.size - part.start)));
  return typeof header === 'string' || header.path !== BUNDLE_JSON ? undefined : TAR_BLOCK + (header.size ?? 0);
}

function missingAfter({ path }: FilePart): VolumeProblem {
  const like = parseVolumePath(path);
  return { volume: like === undefined ? path : siblingVolume(like, like.number + 1), reason: 'it is missing' };
}

/** The likeliest first. */
function possibleSizes(parts: readonly FilePart[], total: number): readonly number[] {
  const common = commonSizes(parts.slice(1, -1)).slice(0, 2);
  const last = parts.at(-1);
  const byLast = last === undefined || parts.length === 1 ? 0 : (total - sizeOf(last)) / (parts.length - 1);
  const first = parts[0] === undefined ? 0 : sizeOf(parts[0]);
  return [...new Set([first, ...common, byLast])].filter((size) => Number.isSafeInteger(size) && size > 0);
}

function sizeOf(part: FilePart): number {
  return part.end - part.start;
}

interface Judgement extends VolumeCheck {
  /** Number of volumes with the right size, and with a right header. */
  readonly score: number;
}

/** A volume in which no probed header is in its place. */
interface Suspect {
  readonly part: FilePart;
  readonly probes: number;
}

/** Judges volumes as if each, but the last, should have one certain size. */
class VolumeJudge {
  readonly #file: SharedFile;
  readonly #plan: BundlePlan;
  readonly #size: number;
  readonly #date: Date;

  constructor(file: SharedFile, plan: BundlePlan, size: number) {
    this.#file = file;
    this.#plan = plan;
    this.#size = size;
    this.#date = new Date(plan.manifest.date);
  }

  async judge(): Promise<Judgement> {
    const misfits: VolumeProblem[] = [];
    const suspects: Suspect[] = [];
    let score = 0;
    let confirmed = 0;
    for (const [index, part] of this.#file.parts.entries()) {
      const misfit = this.#misfit(part, index);
      if (misfit === undefined) score += 1;
      else misfits.push({ volume: part.path, reason: misfit });
      const probes = this.#probesOf(index);
      if (probes.length === 0) continue;
      if (await this.#holds(part, index, probes)) {
        score += 1;
        if (index > 0) confirmed += 1;
      } else if (misfit === undefined) suspects.push({ part, probes: probes.length });
    }
    misfits.push(...this.#missing());
    return { misfits, foreign: await this.#explain(suspects, confirmed), score };
  }

  get #count(): number {
    return Math.ceil(this.#plan.size / this.#size);
  }

  #wanted(index: number): number {
    return Math.min(this.#size, this.#plan.size - index * this.#size);
  }

  #misfit(part: FilePart, index: number): string | undefined {
    const [wanted, found] = [this.#wanted(index), sizeOf(part)];
    if (wanted <= 0) return `it is not part of this bundle, which ends in "${this.#name(this.#count)}": move it away`;
    if (found === wanted) return undefined;
    return `it has ${found} bytes, want ${wanted}: ${found < wanted ? 'it is cut short' : 'it is too long'}`;
  }

  #missing(): readonly VolumeProblem[] {
    const like = parseVolumePath(this.#file.parts.at(-1)?.path ?? '');
    const [first, last] = [this.#file.parts.length + 1, this.#count];
    if (like === undefined || first > last) return [];
    const more = first === last ? '' : `, and so is everything up to "${this.#name(last)}"`;
    return [{ volume: siblingVolume(like, first), reason: `it is missing${more}; want ${this.#wanted(first - 1)} bytes` }];
  }

  #name(number: number): string {
    const like = parseVolumePath(this.#file.path);
    return like === undefined ? String(number) : basename(siblingVolume(like, number));
  }

  /** Headers that lie wholly in a volume, spread over it. */
  #probesOf(index: number): readonly PlannedMember[] {
    const [start, end] = [index * this.#size, (index + 1) * this.#size];
    const { members } = this.#plan;
    const from = firstFrom(members, start);
    let to = firstFrom(members, end);
    if (to > from && (members[to - 1]?.offset ?? 0) > end) to -= 1;
    const step = Math.max(1, Math.floor((to - from) / PROBES));
    return Array.from({ length: Math.min(PROBES, to - from) }, (_, number) => members[from + number * step]).filter(
      (member) => member !== undefined,
    );
  }

  /** True when one of the headers is where it would be if this file were volume `index`. */
  async #holds(part: FilePart, index: number, probes: readonly PlannedMember[]): Promise<boolean> {
    for (const member of probes) {
      const wanted = tarHeader(member, this.#date);
      const at = part.start + member.headerOffset - index * this.#size;
      if (at + wanted.length <= part.end && (await this.#file.read(at, wanted.length)).equals(wanted)) return true;
    }
    return false;
  }

  /** Gives a reason for each suspect. When no other volume fits the first one, the first is wrong. */
  async #explain(suspects: readonly Suspect[], confirmed: number): Promise<VolumeCheck['foreign']> {
    const [first] = this.#file.parts;
    if (first !== undefined && confirmed === 0 && suspects.length > 1 && !suspects.some(({ part }) => part === first)) {
      return [{ volume: first.path, reason: 'it is the beginning of another bundle than the one that the others are of', isCertain: true }];
    }
    const explained = suspects.map(async ({ part, probes }, index) => {
      const place = index < SEARCH_LIMIT ? await this.#placeOf(part) : undefined;
      if (place !== undefined) {
        return { volume: part.path, reason: `it holds what belongs in "${this.#name(place + 1)}"`, isCertain: true };
      }
      const reason = 'it is of another bundle, or damaged: no member in it is where bundle.json says';
      return { volume: part.path, reason, isCertain: probes > 1 };
    });
    return Promise.all(explained);
  }

  /** Index of the volume whose headers a file holds. */
  async #placeOf(part: FilePart): Promise<number | undefined> {
    for (let index = 0; index < Math.min(this.#count, MOST_VOLUMES); index += 1) {
      const probes = this.#probesOf(index);
      if (probes.length > 0 && (await this.#holds(part, index, probes))) return index;
    }
    return undefined;
  }
}

/** Index of the first member whose header is at a position or behind it. */
function firstFrom(members: readonly PlannedMember[], position: number): number {
  let low = 0;
  let high = members.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((members[middle]?.headerOffset ?? 0) < position) low = middle + 1;
    else high = middle;
  }
  return low;
}
