import type { Readable } from 'node:stream';
import { CaissonError, digestOf, DigestMismatchError, formatSize, type Digest } from '../../core/index.ts';
import { limitExceeded, readTarHeader, TAR_BLOCK, tarHeader, type FilePart, type SharedFile } from '../../io/index.ts';
import type { ByteRange } from '../../oci/index.ts';
import { describeBeginning } from '../format/beginning.ts';
import { BundlePlanError } from '../format/bundle-errors.ts';
import { padManifest, serialiseManifest } from '../format/canonical-manifest.ts';
import { checkVolumes, checkVolumesWithoutPlan } from '../volumes/check-volumes.ts';
import { openBundleFile, type BundleLocation } from '../volumes/find-volumes.ts';
import { BUNDLE_JSON_LIMIT, parseManifest } from '../format/manifest-schema.ts';
import type { BaseEntry, BundleBase, BundleEntry, BundleManifest } from '../format/manifest.ts';
import { BUNDLE_JSON } from '../format/member-path.ts';
import { planFromManifest, sumsOf, type BundlePlan } from '../format/plan.ts';
import { readSignatures, signatureMembers, signedPlan } from '../format/signature-members.ts';
import { refuseUnfinished } from '../format/unfinished.ts';
import { wholeName } from '../volumes/volume-path.ts';
import { VolumesError } from '../volumes/volumes-error.ts';

const PROBLEMS_SHOWN = 20;

export interface ReadOptions {
  /** Most bytes that the member may have. */
  readonly limit: number;
}

/** The bytes of a bundle by their position in it. */
export type BundleBytes = Pick<SharedFile, 'path' | 'size' | 'parts' | 'read' | 'changed' | 'close'> & {
  /** Streams bytes `start` up to, not including, `end`. */
  stream(start: number, end: number): Readable;
};

/** A member of the bundle or of one of its bases. */
export type BundleMember = Omit<BundleEntry, 'offset'>;

/** An open bundle: its members by path, read in place through one descriptor; of a delta, those in its bases too. */
export class BundleReader {
  readonly manifest: BundleManifest;
  /** Identity of the bundle, as its manifest stands for it; proven only by verifyBundle. */
  readonly bundleDigest: Digest;
  /** Of the file, or of the first volume. */
  readonly path: string;
  /** Of the file, or of all volumes in order. */
  readonly paths: readonly string[];
  /** Which file holds which bytes. */
  readonly parts: readonly FilePart[];
  readonly size: number;
  readonly #file: BundleBytes;
  readonly #plan: BundlePlan;
  readonly #entries: ReadonlyMap<string, BundleEntry>;
  readonly #baseEntries: ReadonlyMap<string, BaseEntry>;
  readonly #bases: ReadonlyMap<Digest, BundleReader>;

  constructor(file: BundleBytes, plan: BundlePlan, bases: readonly BundleReader[] = []) {
    this.#file = file;
    this.#plan = plan;
    this.path = file.path;
    this.parts = file.parts;
    this.paths = file.parts.map(({ path }) => path);
    this.size = file.size;
    this.manifest = plan.manifest;
    this.bundleDigest = plan.bundleDigest;
    this.#entries = new Map(plan.members.map((member) => [member.path, member]));
    this.#baseEntries = new Map(plan.manifest.baseEntries.map((entry) => [entry.path, entry]));
    this.#bases = new Map(bases.map((base) => [base.bundleDigest, base]));
  }

  /** The plan that bundle.json stands for. It has the contents of no members but those that follow from it. */
  get plan(): BundlePlan {
    return this.#plan;
  }

  /** The signatures as stored; verifyBundle and requireTrust check them. */
  get signatures(): readonly { readonly path: string; readonly content: Uint8Array }[] {
    return signatureMembers(this.#plan);
  }

  /** The bytes of SHA256SUMS as they follow from the list of members. */
  get sums(): Uint8Array {
    return sumsOf(this.#plan);
  }

  /** The same open file as a delta together with its bases, which stay the caller's to close. */
  withBases(bases: readonly BundleReader[]): BundleReader {
    return new BundleReader(this.#file, this.#plan, bases);
  }

  /** The member of this path, bundle.json and SHA256SUMS included; undefined when there is none. */
  entry(path: string): BundleMember | undefined {
    return this.#entries.get(path) ?? this.#baseEntries.get(path);
  }

  /** True when the file itself holds these bytes, not a base. */
  holds({ path, digest, size }: Pick<BundleMember, 'path' | 'digest' | 'size'>): boolean {
    const entry = this.#entries.get(path);
    return entry?.digest === digest && entry.size === size;
  }

  /**
   * Streams a member or a part of it. Throws FILE_UNKNOWN, BUNDLE_BASE_MISSING, and RangeError for a range outside the
   * member.
   */
  open(path: string, range?: ByteRange): Readable {
    const base = this.#baseOf(path);
    if (base !== undefined) return base.open(path, range);
    const entry = this.#known(path);
    const { start, end } = range ?? { start: 0, end: entry.size };
    if (!(Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && start <= end && end <= entry.size)) {
      throw new RangeError(`bytes ${start} to ${end} are not in "${path}", which has ${entry.size}`);
    }
    return this.#file.stream(entry.offset + start, entry.offset + end);
  }

  /**
   * A whole small member, its digest checked. Throws FILE_UNKNOWN, BUNDLE_BASE_MISSING, LIMIT_EXCEEDED,
   * DigestMismatchError.
   */
  async read(path: string, options: ReadOptions): Promise<Buffer> {
    const base = this.#baseOf(path);
    if (base !== undefined) return base.read(path, options);
    const entry = this.#known(path);
    if (entry.size > options.limit) throw limitExceeded(`"${path}" of "${this.path}"`, options.limit);
    const bytes = await this.#file.read(entry.offset, entry.size);
    const digest = digestOf(bytes);
    if (digest !== entry.digest) {
      throw new DigestMismatchError(
        `"${path}" of "${this.path}"`,
        entry,
        { digest, size: bytes.byteLength },
        { hint: `Run: caisson verify ${this.paths.join(' ')}` },
      );
    }
    return bytes;
  }

  /** Streams the file of the bundle itself, or a part of it. Throws RangeError for a range outside the file. */
  openFile({ start, end }: ByteRange = { start: 0, end: this.size }): Readable {
    if (!(Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && start <= end && end <= this.size)) {
      throw new RangeError(`bytes ${start} to ${end} are not in "${this.path}", which has ${this.size}`);
    }
    return this.#file.stream(start, end);
  }

  /** How the file, or a volume, differs from the one that was opened; undefined when it does not. Bases are not looked at. */
  async changed(): Promise<string | undefined> {
    return this.#file.changed();
  }

  /** The reader whose file has the bytes of a member: this one, or a base. */
  holderOf(path: string): BundleReader {
    return this.#baseOf(path)?.holderOf(path) ?? this;
  }

  /** Ends open streams with an error and closes the file. */
  async close(): Promise<void> {
    await this.#file.close();
  }

  #baseOf(path: string): BundleReader | undefined {
    const entry = this.#baseEntries.get(path);
    if (entry === undefined) return undefined;
    const base = this.#bases.get(entry.base);
    if (base !== undefined) return base;
    const { bases } = this.manifest;
    throw basesMissing(
      this.path,
      bases.filter(({ digest }) => digest === entry.base),
    );
  }

  #known(path: string): BundleEntry {
    const entry = this.#entries.get(path);
    if (entry === undefined) throw new CaissonError('FILE_UNKNOWN', `Cannot read "${path}": "${this.path}" does not hold it`);
    return entry;
  }
}

/**
 * Opens a bundle with two reads, whatever its size: the first header and bundle.json, from which the place of everything
 * follows. Checks that bundle.json is exactly what its own list of members gives and that the file has the size that
 * follows from it; of volumes, also that each is in its place, with a few small reads more. The bytes of members are
 * checked by verifyBundle. Throws INPUT_UNREADABLE, BUNDLE_INCOMPLETE for one that was not built to its end,
 * BUNDLE_VERSION_UNKNOWN, BUNDLE_DAMAGED, VolumesError.
 */
export async function openBundle(location: BundleLocation): Promise<BundleReader> {
  const file = await openBundleFile(location);
  try {
    await refuseUnfinished(file);
    const unsigned = await loadPlan(file);
    const { misfits, foreign } = await checkVolumes(file, unsigned);
    if (misfits.length + foreign.length > 0) throw new VolumesError(wholeName(file.path), [...misfits, ...foreign]);
    const plan = await withSignatures(file, unsigned);
    if (file.size !== plan.size) {
      const fault = file.size < plan.size ? 'it is cut short' : 'bytes follow its end';
      const sizes = `it has ${file.size} bytes (${formatSize(file.size)}), want ${plan.size} (${formatSize(plan.size)})`;
      throw damaged(file.path, `${fault}: ${sizes}`);
    }
    return new BundleReader(file, plan);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The plan with the signatures that the file has. Throws BUNDLE_DAMAGED for one that is not in canonical form. */
async function withSignatures(file: SharedFile, plan: BundlePlan): Promise<BundlePlan> {
  const signed = signedPlan(plan, await readSignatures(file, plan));
  const date = new Date(plan.manifest.date);
  for (const member of signatureMembers(signed)) {
    const wanted = tarHeader(member, date);
    if ((await file.read(member.headerOffset, wanted.byteLength)).equals(wanted)) continue;
    throw damaged(file.path, `${member.path}: its header is damaged`);
  }
  return signed;
}

async function loadPlan(file: SharedFile): Promise<BundlePlan> {
  try {
    return planOf(await readBundleJson(file), file.path);
  } catch (error) {
    const problems = await checkVolumesWithoutPlan(file);
    throw problems.length === 0 ? error : new VolumesError(wholeName(file.path), problems, error);
  }
}

/** The first member's bytes. Throws BUNDLE_DAMAGED when the file does not begin as a bundle does. */
export async function readBundleJson(file: SharedFile): Promise<Buffer> {
  const block = await file.read(0, Math.min(TAR_BLOCK, file.size));
  const header = readTarHeader(block);
  if (typeof header === 'string') {
    throw damaged(file.path, `it does not begin with the header of a tar member, as a bundle does, but with ${describeBeginning(block)}`);
  }
  if (header.path !== BUNDLE_JSON || header.type !== 'File') {
    throw damaged(file.path, `its first member is "${header.path}", want "${BUNDLE_JSON}"`);
  }
  const { size } = header;
  if (size === undefined || size > BUNDLE_JSON_LIMIT) {
    throw damaged(file.path, `its bundle.json claims ${size ?? 'no number of'} bytes, the limit is ${formatSize(BUNDLE_JSON_LIMIT)}`);
  }
  if (TAR_BLOCK + size > file.size) throw damaged(file.path, `it is cut short inside bundle.json: it has ${file.size} bytes`);
  return file.read(TAR_BLOCK, size);
}

/**
 * The plan that bundle.json stands for. Throws BUNDLE_DAMAGED unless planning its members again gives the same document,
 * byte for byte: then no offset can be outside the file or overlap another.
 */
export function planOf(json: Buffer, path: string): BundlePlan {
  const manifest = parseManifest(json, path);
  let plan: BundlePlan;
  try {
    plan = planFromManifest(manifest);
  } catch (error) {
    if (!(error instanceof BundlePlanError)) throw error;
    throw damaged(path, `its bundle.json does not fit together: ${listProblems(error.problems)}`, error);
  }
  const canonical = padManifest(serialiseManifest(plan.manifest), plan.members[0]?.size ?? 0);
  if (!canonical.equals(json)) throw damaged(path, `its bundle.json is not in canonical form: ${firstDifference(manifest, plan.manifest)}`);
  return plan;
}

/** Lists the first problems; a hostile bundle can have millions. */
function listProblems(problems: BundlePlanError['problems']): string {
  const more = problems.length > PROBLEMS_SHOWN ? `; and ${problems.length - PROBLEMS_SHOWN} more` : '';
  return `${problems
    .slice(0, PROBLEMS_SHOWN)
    .map(({ member, reason }) => `${member.slice(0, 255)}: ${reason}`)
    .join('; ')}${more}`;
}

function firstDifference(found: BundleManifest, wanted: BundleManifest): string {
  for (const [index, entry] of wanted.entries.entries()) {
    const actual = found.entries[index];
    if (actual?.path !== entry.path) return `entry ${index} is "${actual?.path ?? 'missing'}", want "${entry.path}"`;
    if (actual.offset !== entry.offset) return `"${entry.path}" is said to lie at byte ${actual.offset}, want ${entry.offset}`;
    if (actual.digest !== entry.digest || actual.size !== entry.size) return `"${entry.path}" is not what follows from the other members`;
  }
  if (found.entries.length > wanted.entries.length) return `it has ${found.entries.length - wanted.entries.length} entries too many`;
  return 'its keys, order or spaces differ';
}

/** The error for a delta whose bases are missing; names each of them. */
export function basesMissing(path: string, missing: readonly BundleBase[]): CaissonError {
  const names = missing.map(({ name, version, digest }) => `${name} ${version} (bundle ${digest})`).join(' and ');
  return new CaissonError('BUNDLE_BASE_MISSING', `Cannot use "${path}" without ${names}: it is a delta, and that holds the rest of it`, {
    hint: 'Give that bundle too, or carry a full bundle over (build-bundle without --base)',
  });
}

export function damaged(path: string, reason: string, cause?: unknown): CaissonError {
  return new CaissonError('BUNDLE_DAMAGED', `Cannot read "${path}": ${reason}`, {
    hint: `Run: caisson verify ${path}`,
    ...(cause === undefined ? {} : { cause }),
  });
}
