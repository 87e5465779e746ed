import {
  readTarHeader,
  roundToBlock,
  TAR_BLOCK,
  TAR_END,
  TAR_HEADER_LIMIT,
  tarHeader,
  type FoundTarHeader,
  type HeaderReading,
  type SharedFile,
} from '../../io/index.ts';
import { WHOLE_BUNDLE, type Finding } from '../format/bundle-errors.ts';
import { describeHeader, typeProblem } from './describe-header.ts';
import { BUNDLE_JSON, memberPathProblem } from '../format/member-path.ts';
import type { BundlePlan, PlannedMember } from '../format/plan.ts';

/** A member where it really lies in the file. */
export interface FoundMember {
  readonly path: string;
  readonly size: number;
  readonly headerOffset: number;
  readonly offset: number;
  readonly end: number;
}

export interface Scan {
  readonly members: readonly FoundMember[];
  /** Where the end blocks begin; the end of the file when there are none. */
  readonly end: number;
  readonly findings: readonly Finding[];
}

/** A hostile file could hold millions of faults. */
export const FINDING_LIMIT = 10_000;
const SEARCH_SIZE = 1024 * 1024;

/**
 * Walks the headers of a bundle and compares each with the one that the plan wants there, byte for byte; reads no data.
 * After a fault it goes on where the plan (or, without one, the next header) says, so that one fault is one finding.
 */
export async function scanMembers(file: SharedFile, plan: BundlePlan | undefined, signal?: AbortSignal): Promise<Scan> {
  const scanner = new Scanner(file, plan);
  while (await scanner.step()) signal?.throwIfAborted();
  await scanner.conclude();
  return { members: scanner.members, end: scanner.position, findings: scanner.findings };
}

class Scanner {
  readonly members: FoundMember[] = [];
  readonly findings: Finding[] = [];
  position = 0;
  readonly #file: SharedFile;
  readonly #plan: BundlePlan | undefined;
  readonly #date: Date | undefined;
  readonly #byOffset: ReadonlyMap<number, PlannedMember>;
  readonly #byPath: ReadonlyMap<string, PlannedMember>;
  readonly #seen = new Set<string>();
  readonly #displaced: { readonly path: string; readonly at: number; readonly want: number }[] = [];

  constructor(file: SharedFile, plan: BundlePlan | undefined) {
    this.#file = file;
    this.#plan = plan;
    this.#date = plan === undefined ? undefined : new Date(plan.manifest.date);
    this.#byOffset = new Map(plan?.members.map((member) => [member.headerOffset, member]));
    this.#byPath = new Map(plan?.members.map((member) => [member.path, member]));
  }

  /** Looks at one header. False when the walk is over. */
  async step(): Promise<boolean> {
    if (this.position >= this.#file.size || this.findings.length >= FINDING_LIMIT) return false;
    const planned = this.#byOffset.get(this.position);
    if (planned !== undefined && (await this.#holdsHeader(planned))) return this.#accept(planned);
    const reading = await this.#readHeader(this.position);
    if (typeof reading !== 'string') return planned === undefined ? this.#acceptForeign(reading) : this.#replaced(planned, reading);
    if (planned !== undefined) {
      this.#add(planned.path, reading === 'end' ? 'its header is zeros' : 'its header is damaged');
      return this.#accept(planned);
    }
    if (reading === 'end' || this.#isPlannedEnd()) return false;
    return this.#skipDamage();
  }

  /** Adds the findings that need the whole walk: missing members, order, the end of the file. */
  async conclude(): Promise<void> {
    if (this.findings.length >= FINDING_LIMIT) {
      this.#add(WHOLE_BUNDLE, `it has more than ${FINDING_LIMIT} faults; the search stopped there`);
      return;
    }
    for (const { path, headerOffset } of this.#plan?.members ?? []) {
      if (this.#seen.has(path)) continue;
      this.#add(
        path,
        headerOffset >= this.#file.size ? `it is missing: the file ends before it, at byte ${this.#file.size}` : 'it is missing',
      );
    }
    this.#checkOrder();
    await this.#checkEnd();
  }

  /** True where the plan has the end blocks and the file has no room for a further member. */
  #isPlannedEnd(): boolean {
    return this.position + TAR_END === this.#plan?.size && this.#file.size <= this.#plan.size;
  }

  #add(member: string, reason: string): void {
    this.findings.push({ member: member === '' ? WHOLE_BUNDLE : member, reason });
  }

  #accept(member: FoundMember): boolean {
    const { path, size, headerOffset, offset, end } = member;
    if (this.#seen.has(path)) this.#add(path, `it is there more than once, again at byte ${headerOffset}`);
    this.#seen.add(path);
    if (offset + size > this.#file.size)
      this.#add(path, `it is cut short: the file ends at byte ${this.#file.size}, it at ${offset + size}`);
    else this.members.push({ path, size, headerOffset, offset, end });
    this.position = end;
    return true;
  }

  /** Another header where the plan has one: the member's own changed, or a foreign member pushed in. */
  async #replaced(planned: PlannedMember, reading: FoundTarHeader): Promise<boolean> {
    const next = this.#byOffset.get(planned.end);
    const inPlace =
      reading.path === planned.path || (next === undefined ? planned.end + TAR_END === this.#file.size : await this.#holdsHeader(next));
    const listed = this.#byPath.get(reading.path);
    const isOther = listed !== undefined && listed !== planned && reading.size === listed.size;
    if (!inPlace || isOther) return this.#acceptForeign(reading);
    this.#add(planned.path, describeHeader(reading, { ...planned, date: this.#date ?? new Date(0) }));
    return this.#accept(planned);
  }

  async #acceptForeign(reading: FoundTarHeader): Promise<boolean> {
    const { path, headerSize } = reading;
    const offset = this.position + headerSize;
    const listed = this.#byPath.get(path);
    const faults = new Set([memberPathProblem(path), typeProblem(reading)]);
    if (reading.size === undefined) faults.add('its header says no valid number of bytes');
    if (listed !== undefined) {
      if (await this.#holdsHeader(listed, this.position)) this.#displaced.push({ path, at: this.position, want: listed.headerOffset });
      else faults.add(describeHeader(reading, { ...listed, date: this.#date ?? new Date(0) }));
    } else if (this.#plan !== undefined) faults.add('it is not listed in bundle.json');
    else if (!(await this.#isCanonical(reading))) faults.add('its header is not in canonical form');
    for (const fault of faults) if (fault !== undefined) this.#add(path, fault);

    const size = reading.size ?? 0;
    const end = offset + roundToBlock(size);
    if (end <= this.#file.size) return this.#accept({ path, size, headerOffset: this.position, offset, end });
    this.#add(path, `its header says ${size} bytes, which is more than the file holds`);
    this.#seen.add(path);
    return this.#skipDamage();
  }

  async #skipDamage(): Promise<boolean> {
    const next = (await this.#nextPlanned()) ?? (await this.#nextHeader());
    if (this.#plan === undefined || next === undefined) {
      // The first member of a bundle must be bundle.json, so its faults are reported under that name.
      const member = this.position === 0 ? BUNDLE_JSON : WHOLE_BUNDLE;
      this.#add(member, `bytes ${this.position} to ${next ?? this.#file.size} belong to no member`);
    } else this.#add(WHOLE_BUNDLE, `bytes ${this.position} to ${next} are not what bundle.json says`);
    this.position = next ?? this.#file.size;
    return next !== undefined;
  }

  async #nextPlanned(): Promise<number | undefined> {
    for (const member of this.#plan?.members ?? []) {
      if (member.headerOffset > this.position && (await this.#holdsHeader(member))) return member.headerOffset;
    }
    return undefined;
  }

  /** The next block that is a header by its magic and checksum. */
  async #nextHeader(): Promise<number | undefined> {
    const first = roundToBlock(this.position + 1);
    for (let start = first; start + TAR_BLOCK <= this.#file.size; start += SEARCH_SIZE) {
      const bytes = await this.#file.read(start, Math.min(SEARCH_SIZE, this.#file.size - start));
      for (let at = 0; at + TAR_BLOCK <= bytes.length; at += TAR_BLOCK) {
        if (bytes.toString('latin1', at + 257, at + 262) !== 'ustar') continue;
        if (typeof readTarHeader(bytes.subarray(at, at + TAR_BLOCK)) !== 'string') return start + at;
      }
    }
    return undefined;
  }

  #checkOrder(): void {
    const first = this.#displaced[0];
    if (first === undefined) return;
    const count = this.#displaced.length;
    const text = count === 1 ? '1 member lies' : `${count} members lie`;
    this.#add(WHOLE_BUNDLE, `${text} elsewhere than bundle.json says, first "${first.path}" at byte ${first.at}, want ${first.want}`);
    let highest = -1;
    for (const { path, headerOffset } of this.members) {
      const want = this.#byPath.get(path)?.headerOffset;
      if (want === undefined) continue;
      if (want < highest) this.#add(path, `it is out of order, at byte ${headerOffset}`);
      highest = Math.max(highest, want);
    }
  }

  async #checkEnd(): Promise<void> {
    const rest = this.#file.size - this.position;
    if (rest === TAR_END) return;
    if (rest < TAR_END) {
      this.#add(WHOLE_BUNDLE, `it is cut short: its end blocks have ${Math.max(rest, 0)} bytes, want ${TAR_END}`);
      return;
    }
    this.#add(WHOLE_BUNDLE, `${rest - TAR_END} bytes follow its end`);
    const behind = await this.#readHeader(this.position + TAR_END);
    if (typeof behind !== 'string') this.#add(behind.path, 'it lies behind the end of the archive');
  }

  async #holdsHeader(member: PlannedMember, at = member.headerOffset): Promise<boolean> {
    const wanted = tarHeader(member, this.#date ?? new Date(0));
    if (at + wanted.length > this.#file.size) return false;
    return (await this.#file.read(at, wanted.length)).equals(wanted);
  }

  async #isCanonical({ path, size = 0, mode = 0, modified = 0 }: FoundTarHeader): Promise<boolean> {
    if (mode !== 0o644 && mode !== 0o755) return false;
    const wanted = tarHeader({ path, size, mode }, new Date(modified * 1000));
    return (await this.#file.read(this.position, Math.min(wanted.length, this.#file.size - this.position))).equals(wanted);
  }

  async #readHeader(at: number): Promise<HeaderReading> {
    const available = this.#file.size - at;
    const reading = readTarHeader(await this.#file.read(at, Math.min(8 * TAR_BLOCK, available)));
    if (reading !== 'truncated' || available <= 8 * TAR_BLOCK) return reading;
    return readTarHeader(await this.#file.read(at, Math.min(TAR_HEADER_LIMIT, available)));
  }
}
