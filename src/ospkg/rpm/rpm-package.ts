import { CaissonError } from '../../core/index.ts';
import { fileHash, type FileHash } from '../file-hash.ts';
import { capability, parseRichDependency, type Capability, type Dependency, type VersionOperator } from './dependency.ts';
import { joinRpmVersion } from './rpm-version.ts';
import { childText, findChild, type XmlElement } from './xml.ts';

/** Where the element of a package stands: in one primary.xml of one repository. */
export interface RpmPlace {
  readonly origin: RpmOrigin;
  readonly offset: number;
  readonly length: number;
}

/** One repository for one architecture. */
export interface RpmOrigin {
  /** Base URL, without a trailing slash. */
  readonly repository: string;
  /** Address of its primary.xml, for messages. */
  readonly what: string;
  /** Patterns of packages that are taken from here, also where others have newer ones. */
  readonly prefer: readonly string[];
  /** True where its packages may stand in for those of modules. */
  readonly isHotfix: boolean;
  /** Opens the content of primary.xml again. */
  readonly reopen: () => AsyncIterable<Buffer>;
  /** Fetches filelists.xml and opens its content; undefined where the repository has none. */
  readonly openFilelists: (() => Promise<AsyncIterable<Buffer>>) | undefined;
}

/** A package with the facts of it that the solver goes by. */
export interface RpmPackage {
  readonly name: string;
  /** With epoch and release: 1:2.0-3.el9. */
  readonly version: string;
  readonly architecture: string;
  /** Versioned by itself, too: a package provides its own name in its own version. */
  readonly provides: readonly Capability[];
  readonly requires: readonly Dependency[];
  readonly conflicts: readonly Dependency[];
  readonly obsoletes: readonly Capability[];
  readonly recommends: readonly Dependency[];
  readonly suggests: readonly Dependency[];
  readonly supplements: readonly Dependency[];
  readonly enhances: readonly Dependency[];
  /** Those that primary.xml lists. */
  readonly files: readonly string[];
  readonly place: RpmPlace;
}

/** The file of a package, as its element lists it. */
export interface ListedRpm {
  readonly filename: string;
  readonly size: number;
  readonly hash: FileHash;
  readonly source: { readonly name: string; readonly version: string };
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9+._-]*$/;
const ARCHITECTURE = /^[a-z0-9][a-z0-9_]*$/;
const VERSION_PART = /^[A-Za-z0-9][A-Za-z0-9._+~^]*$/;
/** Printable, relative, without `.` and `..`, with a name at its end. */
const FILENAME = /^(?!\/)(?!.*(?:^|\/)\.{1,2}(?:\/|$))(?!.*\/$)[!-[\]-~ ]{1,4096}$/;

const RELATIONS = ['provides', 'requires', 'conflicts', 'obsoletes', 'recommends', 'suggests', 'supplements', 'enhances'] as const;

/** Kinds of entries that the compact text of a package has. */
export type RelationKind = (typeof RELATIONS)[number];

/** Name, version and architecture of a package. Throws REPOSITORY_INVALID when one of them cannot be used. */
export function identityOf(element: XmlElement): Pick<RpmPackage, 'name' | 'version' | 'architecture'> {
  const { ver = '', rel = '', epoch } = findChild(element, 'version')?.attributes ?? {};
  const name = checked('name', childText(element, 'name'), NAME);
  const version = joinRpmVersion({
    epoch: checked('epoch', epoch === undefined || epoch === '' ? '0' : epoch, /^\d{1,10}$/),
    version: checked('version', ver, VERSION_PART),
    release: checked('release', rel, VERSION_PART),
  });
  return { name, version, architecture: checked('arch', childText(element, 'arch'), ARCHITECTURE) };
}

/** The file that an element describes. Throws REPOSITORY_INVALID when it cannot be used: weak digests are not. */
export function listedRpm(element: XmlElement): ListedRpm {
  const checksum = findChild(element, 'checksum');
  const algorithm = checksum?.attributes['type'] ?? '';
  const hex = checksum?.text.trim() ?? '';
  if (!(algorithm === 'sha256' && /^[0-9a-f]{64}$/i.test(hex)) && !(algorithm === 'sha512' && /^[0-9a-f]{128}$/i.test(hex))) {
    throw unusable(`its checksum is of type "${algorithm.slice(0, 20)}"; SHA-256 and SHA-512 are believed`);
  }
  const format = findChild(element, 'format');
  const location = findChild(element, 'location')?.attributes;
  if (location?.['base'] !== undefined) throw unusable('its location is on another server');
  return {
    filename: checked('location', location?.['href'], FILENAME),
    size: Number(checked('size', findChild(element, 'size')?.attributes['package'], /^\d{1,15}$/)),
    hash: fileHash(algorithm, hex),
    source: sourceOf(format === undefined ? undefined : childText(format, 'sourcerpm'), identityOf(element)),
  };
}

/**
 * The facts that the solver goes by, as lines of a kind and a value: the form in which a table of many packages keeps it.
 * Throws REPOSITORY_INVALID for a package that cannot be used.
 */
export function solverText(element: XmlElement): string {
  const { name, version, architecture } = identityOf(element);
  listedRpm(element);
  const lines = [name, version, architecture];
  const format = findChild(element, 'format');
  if (format === undefined) return lines.join('\n');
  for (const [index, kind] of RELATIONS.entries()) {
    for (const entry of findChild(format, kind)?.children ?? []) {
      const text = entryText(entry);
      if (text !== undefined) lines.push(`${index} ${text}`);
    }
  }
  for (const file of format.children) if (file.name === 'file') lines.push(`f ${oneLine(file.text)}`);
  return lines.join('\n');
}

/** The package of a text that `solverText` gave. */
export function restorePackage(text: string, place: RpmPlace): RpmPackage {
  const [name = '', version = '', architecture = '', ...lines] = text.split('\n');
  const relations: Dependency[][] = RELATIONS.map(() => []);
  const files: string[] = [];
  for (const line of lines) {
    if (line.startsWith('f ')) files.push(line.slice(2));
    else relations[Number(line.slice(0, 1))]?.push(parseEntry(line.slice(2)));
  }
  const of = (kind: RelationKind): readonly Dependency[] => relations[RELATIONS.indexOf(kind)] ?? [];
  const provides = of('provides').filter(isCapability);
  const own = capability(name, { operator: 'EQ', version });
  return {
    name,
    version,
    architecture,
    provides: provides.some((item) => item.name === name && item.range !== undefined) ? provides : [...provides, own],
    requires: of('requires'),
    conflicts: of('conflicts'),
    obsoletes: of('obsoletes').filter(isCapability),
    recommends: of('recommends'),
    suggests: of('suggests'),
    supplements: of('supplements'),
    enhances: of('enhances'),
    files,
    place,
  };
}

/** Name and version in the name of a source package, `bash-5.1.8-9.el9.src.rpm`; without one a package is its own source. */
function sourceOf(file: string | undefined, own: Pick<RpmPackage, 'name' | 'version'>): ListedRpm['source'] {
  const [, name, version] = /^([A-Za-z0-9][A-Za-z0-9+._-]*)-([^-]+-[^-]+)\.(?:no)?src\.rpm$/.exec(file ?? '') ?? [];
  return name === undefined || version === undefined ? { name: own.name, version: own.version } : { name, version };
}

function entryText({ attributes: { name, flags, epoch, ver, rel } }: XmlElement): string | undefined {
  if (name === undefined || name === '') throw unusable('one of its relations has no name');
  const clean = oneLine(name);
  // Packages require features of rpm itself by such names, which hosts have.
  if (clean.startsWith('rpmlib(')) return undefined;
  if (flags === undefined || ver === undefined) return `- ${clean}`;
  if (!isOperator(flags)) throw unusable(`one of its relations compares by "${flags.slice(0, 20)}"`);
  const version = `${epoch === undefined || epoch === '0' || epoch === '' ? '' : `${epoch}:`}${ver}${rel === undefined ? '' : `-${rel}`}`;
  return `${flags} ${oneLine(version).replaceAll(' ', '')} ${clean}`;
}

function parseEntry(text: string): Dependency {
  if (text.startsWith('- ')) {
    const name = text.slice(2);
    return name.startsWith('(') ? parseRichDependency(name) : capability(name);
  }
  const [operator = '', version = ''] = text.split(' ', 2);
  if (!isOperator(operator)) throw unusable('one of its relations cannot be read');
  return capability(text.slice(operator.length + version.length + 2), { operator, version });
}

function isOperator(text: string): text is VersionOperator {
  return ['LT', 'LE', 'EQ', 'GE', 'GT'].includes(text);
}

function isCapability(dependency: Dependency): dependency is Capability {
  return dependency.kind === 'capability';
}

/** Texts of a package are lines of a table. */
function oneLine(text: string): string {
  if (text.includes('\n')) throw unusable('one of its texts has several lines');
  return text;
}

function checked(field: string, text: string | undefined, pattern: RegExp): string {
  if (text === undefined || text === '') throw unusable(`it has no ${field}`);
  if (!pattern.test(text)) throw unusable(`it has a ${field} that cannot be used: "${text.slice(0, 120)}"`);
  return text;
}

function unusable(reason: string): CaissonError {
  return new CaissonError('REPOSITORY_INVALID', reason);
}
