import { CaissonError } from '../../core/index.ts';
import { parseParagraph } from './control-file.ts';
import { fileHash, type ListedFile } from '../file-hash.ts';

/** A Release file (https://wiki.debian.org/DebianRepository/Format), read after its signature was checked. */
export interface ReleaseFile {
  readonly suite: string;
  readonly codename: string;
  /** Undefined where the file has none, or one that cannot be read. */
  readonly date: Date | undefined;
  readonly validUntil: Date | undefined;
  readonly architectures: readonly string[];
  readonly components: readonly string[];
  readonly acquireByHash: boolean;
  /** True when binary-<architecture> lacks the packages for all architectures, which then have an index of their own. */
  readonly splitsArchitectureAll: boolean;
  /** False when apt would not install from it unasked (backports, experimental). */
  readonly automatic: boolean;
  /** True when apt would install newer versions from it of what came from it, although it is not automatic (backports). */
  readonly upgrades: boolean;
  /** Files by path under the directory of the Release file. */
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
  const files = filesOf(fields, what);
  const validUntil = dateOf(fields.get('valid-until'));
  if (validUntil === undefined && fields.has('valid-until')) {
    throw invalid(what, `Valid-Until "${(fields.get('valid-until') ?? '').slice(0, 120)}" is not a date in UTC`);
  }
  const architectures = words(fields.get('architectures'));
  return {
    suite,
    codename,
    date: dateOf(fields.get('date')),
    validUntil,
    architectures,
    components: words(fields.get('components')),
    acquireByHash: fields.get('acquire-by-hash')?.toLowerCase() === 'yes',
    splitsArchitectureAll: architectures.includes('all') && !words(fields.get('no-support-for-architecture-all')).includes('Packages'),
    automatic: fields.get('notautomatic')?.toLowerCase() !== 'yes',
    upgrades: fields.get('butautomaticupgrades')?.toLowerCase() === 'yes',
    files,
  };
}

export interface CheckReleaseOptions {
  /** As the manifest names it; one that ends in a slash is a directory, which has no name of its own. */
  readonly suite: string;
  /** Base URL of the repository. */
  readonly repository: string;
  readonly now: Date;
  /** Address of the file, for messages. */
  readonly what: string;
}

/**
 * Checks a release against the clock and the asked suite, and returns warnings: that it calls itself otherwise than it was
 * asked for, that it has no date. It must not be expired or dated in the future; a snapshot, whose URL names its time, must
 * not have been expired then. Throws REPOSITORY_EXPIRED.
 */
export function checkRelease(release: ReleaseFile, { suite, repository, now, what }: CheckReleaseOptions): string[] {
  const judged = snapshotTime(repository) ?? now;
  if (release.validUntil !== undefined && release.validUntil.getTime() < judged.getTime()) {
    throw new CaissonError('REPOSITORY_EXPIRED', `Cannot use "${what}": it expired at ${release.validUntil.toISOString()}`, {
      hint: `The clock here says ${now.toISOString()}. If that is right, the mirror is no longer updated: use another one, or a snapshot whose URL names its time, such as https://snapshot.debian.org/archive/debian/20260131T000000Z`,
    });
  }
  if (release.date !== undefined && release.date.getTime() > now.getTime() + CLOCK_TOLERANCE_MS) {
    throw new CaissonError('REPOSITORY_EXPIRED', `Cannot use "${what}": it is dated ${release.date.toISOString()}, in the future`, {
      hint: `The clock here says ${now.toISOString()}: set it`,
    });
  }
  const isOther = !suite.endsWith('/') && suite !== release.codename && suite !== release.suite;
  const own = [...new Set([release.suite, release.codename])].filter((name) => name !== '').map((name) => `"${name}"`);
  return [
    ...(isOther ? [`"${what}" was asked for as "${suite}" and calls itself ${own.length === 0 ? 'nothing' : own.join(' and ')}`] : []),
    ...(release.date === undefined ? [`"${what}" has no Date that can be read; the time of its signature counts`] : []),
  ];
}

/** The time in the URL of a snapshot: .../20260131T000000Z/... */
function snapshotTime(repository: string): Date | undefined {
  const [, ...parts] = /\/(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z(?:\/|$)/.exec(repository) ?? [];
  if (parts.length === 0) return undefined;
  const [year = '', month = '', day = '', hour = '', minute = '', second = ''] = parts;
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(time) ? undefined : new Date(time);
}

/** The files of the strongest section that old and new repositories share. */
function filesOf(fields: ReadonlyMap<string, string>, what: string): Map<string, ListedFile> {
  const [sha256, sha512] = [fields.get('sha256'), fields.get('sha512')];
  if (sha256 !== undefined) return parseHashes(sha256, 'sha256', what);
  if (sha512 !== undefined) return parseHashes(sha512, 'sha512', what);
  throw invalid(what, 'it has neither a SHA256 nor a SHA512 section');
}

const HASH_LINE = {
  sha256: /^\s*([0-9a-fA-F]{64})\s+(\d{1,15})\s+(\S+)\s*$/,
  sha512: /^\s*([0-9a-fA-F]{128})\s+(\d{1,15})\s+(\S+)\s*$/,
} as const;

function parseHashes(text: string, algorithm: 'sha256' | 'sha512', what: string): Map<string, ListedFile> {
  const files = new Map<string, ListedFile>();
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    const [, hex, size, path] = HASH_LINE[algorithm].exec(line) ?? [];
    if (hex === undefined || path === undefined) throw invalid(what, `"${line.trim().slice(0, 120)}" is not a digest, a size and a path`);
    files.set(path.replace(/^(?:\.\/)+/, ''), { size: Number(size), digest: fileHash(algorithm, hex) });
  }
  return files;
}

function dateOf(text: string | undefined): Date | undefined {
  const time = text !== undefined && DATE.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? undefined : new Date(time);
}

function words(text: string | undefined): string[] {
  return (text ?? '').split(/\s+/).filter((word) => word !== '');
}

function invalid(what: string, reason: string): CaissonError {
  return new CaissonError('REPOSITORY_INVALID', `Cannot use "${what}": ${reason}`);
}
