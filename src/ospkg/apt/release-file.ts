import { CaissonError, type Digest, digestFromHex } from '../../core/index.ts';
import { parseParagraph } from './control-file.ts';

/** The entry of a Release file for one file of its suite. */
export interface ListedFile {
  readonly size: number;
  readonly digest: Digest;
}

/** A Release file (https://wiki.debian.org/DebianRepository/Format), read after its signature was checked. */
export interface ReleaseFile {
  readonly suite: string;
  readonly codename: string;
  readonly date: Date;
  readonly validUntil: Date | undefined;
  readonly architectures: readonly string[];
  readonly components: readonly string[];
  readonly acquireByHash: boolean;
  /** True when binary-<architecture> lacks the packages for all architectures, which then have an index of their own. */
  readonly splitsArchitectureAll: boolean;
  /** False when apt would not install from it unasked (backports, experimental). */
  readonly automatic: boolean;
  /** Files by path under dists/<suite>/. */
  readonly files: ReadonlyMap<string, ListedFile>;
}

/** How far a Release may be ahead of the clock that reads it. */
const CLOCK_TOLERANCE_MS = 10 * 60 * 1000;

const DATE = /^[A-Za-z]{3}, {1,2}\d{1,2} [A-Za-z]{3} \d{4} \d{1,2}:\d{2}:\d{2} (?:UTC|GMT|Z|[+-]0000)$/;

/** Throws REPOSITORY_INVALID, naming `what`. */
export function parseReleaseFile(text: string, what: string): ReleaseFile {
  const fields = parseParagraph(text.replaceAll('\r\n', '\n').trim(), (reason) => invalid(what, reason));
  const codename = fields.get('codename') ?? '';
  const suite = fields.get('suite') ?? '';
  const date = dateOf(fields.get('date'), 'Date', what);
  if (date === undefined) throw invalid(what, 'it has no Date');
  const hashes = fields.get('sha256');
  if (hashes === undefined) throw invalid(what, 'it has no SHA256 section');
  const architectures = words(fields.get('architectures'));
  return {
    suite,
    codename,
    date,
    validUntil: dateOf(fields.get('valid-until'), 'Valid-Until', what),
    architectures,
    components: words(fields.get('components')),
    acquireByHash: fields.get('acquire-by-hash')?.toLowerCase() === 'yes',
    splitsArchitectureAll: architectures.includes('all') && !words(fields.get('no-support-for-architecture-all')).includes('Packages'),
    automatic: fields.get('notautomatic')?.toLowerCase() !== 'yes',
    files: parseHashes(hashes, what),
  };
}

/**
 * Checks a release against the asked suite and the clock: it must be the suite of that name or codename, not be expired
 * and not be dated in the future. Throws REPOSITORY_INVALID or REPOSITORY_EXPIRED.
 */
export function checkRelease(release: ReleaseFile, suite: string, now: Date, what: string): void {
  if (suite !== release.codename && suite !== release.suite) {
    throw invalid(what, `it is the release of "${release.codename || release.suite}", not of "${suite}"`);
  }
  if (release.validUntil !== undefined && release.validUntil.getTime() < now.getTime()) {
    throw new CaissonError('REPOSITORY_EXPIRED', `Cannot use "${what}": it expired at ${release.validUntil.toISOString()}`, {
      hint: `The clock here says ${now.toISOString()}. If that is right, the mirror is no longer updated: use another one`,
    });
  }
  if (release.date.getTime() > now.getTime() + CLOCK_TOLERANCE_MS) {
    throw new CaissonError('REPOSITORY_EXPIRED', `Cannot use "${what}": it is dated ${release.date.toISOString()}, in the future`, {
      hint: `The clock here says ${now.toISOString()}: set it`,
    });
  }
}

function parseHashes(text: string, what: string): Map<string, ListedFile> {
  const files = new Map<string, ListedFile>();
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    const [, hex, size, path] = /^\s*([0-9a-fA-F]{64})\s+(\d{1,15})\s+(\S+)\s*$/.exec(line) ?? [];
    if (hex === undefined || path === undefined) throw invalid(what, `"${line.trim().slice(0, 120)}" is not a digest, a size and a path`);
    files.set(path, { size: Number(size), digest: digestFromHex(hex.toLowerCase()) });
  }
  return files;
}

function dateOf(text: string | undefined, field: string, what: string): Date | undefined {
  if (text === undefined) return undefined;
  const time = DATE.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) throw invalid(what, `${field} "${text.slice(0, 120)}" is not a date in UTC`);
  return new Date(time);
}

function words(text: string | undefined): string[] {
  return (text ?? '').split(/\s+/).filter((word) => word !== '');
}

function invalid(what: string, reason: string): CaissonError {
  return new CaissonError('REPOSITORY_INVALID', `Cannot use "${what}": ${reason}`);
}
