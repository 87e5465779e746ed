import { CaissonError } from '../../core/index.ts';
import type { PackageRecord } from '../package.ts';
import type { ListedRecord } from './apt-record.ts';
import { FieldNames, parseParagraph, type ControlFields, type Fault, type Paragraph } from './control-file.ts';
import { isDebVersion } from './deb-version.ts';
import { fileHash, type FileHash } from '../file-hash.ts';
import { parseRelations, type Requirement, type RequirementGroup } from './requirement.ts';

/** The Packages file that a paragraph comes from. */
export interface PackageOrigin {
  /** Base URL of the repository, without a trailing slash. */
  readonly repository: string;
  /** Architecture that is being solved for. */
  readonly architecture: string;
  /** As the manifest names it. */
  readonly suite: string;
  /** False for a suite that apt would not install from unasked. */
  readonly automatic: boolean;
  /** True for a suite that is not automatic and whose newer versions apt takes for what came from it. */
  readonly upgrades: boolean;
  /** Patterns of packages that are taken from here, also where others have newer ones. */
  readonly prefer: readonly string[];
  /** Address of the index, for messages. */
  readonly what: string;
  /** The bytes of the file once more, the same as the first time. */
  readonly reopen: () => AsyncIterable<Buffer>;
}

/** Where a paragraph stands. */
export interface ParagraphPlace {
  readonly origin: PackageOrigin;
  /** Place of the first byte in the file. */
  readonly offset: number;
  readonly length: number;
  /** Number of its first line, from 1. */
  readonly line: number;
}

/** The fields of a package that a solver needs; readRecords reads the whole paragraph. */
export interface AptPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly source: PackageRecord['source'];
  readonly priority: string;
  readonly essential: boolean;
  readonly important: boolean;
  readonly multiArch: string;
  /** Names that this package stands for besides its own; versioned or not. */
  readonly provides: readonly Requirement[];
  /** Pre-Depends, then Depends, in the order of the fields. Read when first asked for; throws REPOSITORY_INVALID. */
  readonly requires: readonly RequirementGroup[];
  /** Recommends. Read when first asked for; throws REPOSITORY_INVALID. */
  readonly recommends: readonly RequirementGroup[];
  /** Conflicts and Breaks. Read when first asked for; throws REPOSITORY_INVALID. */
  readonly conflicts: readonly Requirement[];
  readonly place: ParagraphPlace;
}

const RELATIONS = ['provides', 'pre-depends', 'depends', 'recommends', 'conflicts', 'breaks'] as const;
const SOLVER_FIELDS = [
  'package',
  'version',
  'architecture',
  'source',
  'priority',
  'essential',
  'important',
  'protected',
  'multi-arch',
  ...RELATIONS,
];
const FILE_FIELDS = ['filename', 'size', 'sha256', 'sha512'];
const FIELDS = new FieldNames([...SOLVER_FIELDS, ...FILE_FIELDS]);

/** As dpkg takes it; capitals and underscores are out of policy and in use. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9+._-]*$/;
const ARCHITECTURE = /^[a-z0-9][a-z0-9-]*$/;
/** Printable, without a backslash, relative, without `..` and with a name at its end. */
const FILENAME = /^(?!\/)(?!.*(?:^|\/)\.\.(?:\/|$))(?!.*\/$)[!-[\]-~ ]+$/;

/**
 * Reads a paragraph of a Packages file. Undefined for a package of another architecture: packages of `architecture` and
 * those for all architectures are kept. Throws REPOSITORY_INVALID, naming line and package, when a line is no field, and
 * when a required field is missing or unsafe: a name or version with other characters, a file name that leaves the
 * repository. restorePackage makes the package again from the returned text.
 */
export function parseAptPackage(
  paragraph: Paragraph,
  origin: PackageOrigin,
): { readonly found: AptPackage; readonly text: string } | undefined {
  const place = { origin, offset: paragraph.offset, length: paragraph.characters.length, line: paragraph.line };
  const fault = faultAt(place, paragraph.characters);
  const fields = parseParagraph(paragraph.characters, fault, FIELDS);
  const architecture = checked(fields, 'architecture', (text) => ARCHITECTURE.test(text), fault);
  if (architecture !== 'all' && architecture !== origin.architecture) return undefined;
  readFile(fields, fault);
  return { found: packageOf(fields, place, fault), text: solverText(fields) };
}

/** As parseAptPackage, from the text that it gave. */
export function restorePackage(text: string, place: ParagraphPlace): AptPackage {
  const fault = faultAt(place, text);
  return packageOf(parseParagraph(text, fault), place, fault);
}

/** The whole record of a package, given the bytes of its paragraph. Throws REPOSITORY_INVALID when they are not UTF-8. */
export function fullRecord({ name, version, architecture, source, place }: AptPackage, paragraph: Buffer): ListedRecord {
  const characters = paragraph.toString('latin1');
  const fault = faultAt(place, characters);
  const file = readFile(parseParagraph(characters, fault, FIELDS), fault);
  return { name, version, architecture, source, repository: place.origin.repository, ...file, stanza: utf8(paragraph, fault) };
}

function packageOf(fields: ControlFields, place: ParagraphPlace, fault: Fault): AptPackage {
  const name = checked(fields, 'package', (text) => NAME.test(text), fault);
  const version = checked(fields, 'version', isDebVersion, fault);
  return new FieldsPackage(fields, place, { name, version, source: sourceOf(fields.get('source'), name, version, fault) });
}

function solverText(fields: ControlFields): string {
  const lines: string[] = [];
  for (const name of SOLVER_FIELDS) {
    const value = fields.get(name);
    if (value !== undefined) lines.push(name, ':', value, '\n');
  }
  return lines.join('');
}

class FieldsPackage implements AptPackage {
  readonly name: string;
  readonly version: string;
  readonly source: PackageRecord['source'];
  readonly provides: readonly Requirement[];
  readonly place: ParagraphPlace;
  readonly #fields: ControlFields;
  #recommends: readonly RequirementGroup[] | undefined;
  #requires: readonly RequirementGroup[] | undefined;
  #conflicts: readonly Requirement[] | undefined;

  constructor(fields: ControlFields, place: ParagraphPlace, identity: Pick<AptPackage, 'name' | 'version' | 'source'>) {
    this.#fields = fields;
    this.place = place;
    this.name = identity.name;
    this.version = identity.version;
    this.source = identity.source;
    this.provides = this.#relations('provides').flat();
  }

  get architecture(): string {
    return this.#fields.get('architecture') ?? '';
  }

  get priority(): string {
    return this.#fields.get('priority') ?? 'optional';
  }

  get essential(): boolean {
    return this.#fields.get('essential') === 'yes';
  }

  get important(): boolean {
    return this.#fields.get('important') === 'yes' || this.#fields.get('protected') === 'yes';
  }

  get multiArch(): string {
    return this.#fields.get('multi-arch') ?? 'no';
  }

  get requires(): readonly RequirementGroup[] {
    this.#requires ??= [...this.#relations('pre-depends'), ...this.#relations('depends')];
    return this.#requires;
  }

  get recommends(): readonly RequirementGroup[] {
    this.#recommends ??= this.#relations('recommends');
    return this.#recommends;
  }

  get conflicts(): readonly Requirement[] {
    this.#conflicts ??= [...this.#relations('conflicts'), ...this.#relations('breaks')].flat();
    return this.#conflicts;
  }

  #relations(field: (typeof RELATIONS)[number]): readonly RequirementGroup[] {
    const text = this.#fields.get(field);
    const { origin, line } = this.place;
    return text === undefined ? [] : parseRelations(text, origin.architecture, `${origin.what}, line ${line}, package ${this.name}`);
  }
}

/** The .deb file that a paragraph describes. */
function readFile(fields: ControlFields, fault: Fault): Pick<ListedRecord, 'filename' | 'size' | 'hash'> {
  return {
    filename: checked(fields, 'filename', (text) => FILENAME.test(text), fault).replace(/(?<=^|\/)(?:\.\/)+/g, ''),
    size: Number(checked(fields, 'size', (text) => /^\d{1,15}$/.test(text), fault)),
    hash: hashOf(fields, fault),
  };
}

function hashOf(fields: ControlFields, fault: Fault): FileHash {
  if (!fields.has('sha256') && fields.has('sha512')) {
    return fileHash(
      'sha512',
      checked(fields, 'sha512', (text) => /^[0-9a-f]{128}$/i.test(text), fault),
    );
  }
  return fileHash(
    'sha256',
    checked(fields, 'sha256', (text) => /^[0-9a-f]{64}$/i.test(text), fault),
  );
}

/** `Source: name` or `Source: name (version)`; without it the package is its own source (deb-control(5)). */
function sourceOf(text: string | undefined, name: string, version: string, fault: Fault): PackageRecord['source'] {
  if (text === undefined) return { name, version };
  const [, sourceName, sourceVersion = version] = /^([A-Za-z0-9][A-Za-z0-9+._-]*)(?:\s*\(([^()\s]+)\))?$/.exec(text) ?? [];
  if (sourceName === undefined || !isDebVersion(sourceVersion)) throw fault(`its source "${text.slice(0, 120)}" is not one`);
  return { name: sourceName, version: sourceVersion };
}

function checked(fields: ControlFields, field: string, isValid: (text: string) => boolean, fault: Fault): string {
  const text = fields.get(field);
  if (text === undefined) throw fault(`it has no ${field}`);
  if (!isValid(text)) throw fault(`it has a ${field} that cannot be used: "${text.slice(0, 120)}"`);
  return text;
}

function utf8(bytes: Buffer, fault: Fault): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw fault('it is not UTF-8');
  }
}

function faultAt({ origin, line }: ParagraphPlace, characters: string): Fault {
  return (reason) => {
    const [, name] = /^Package:[ \t]*(\S{1,80})/im.exec(characters) ?? [];
    const owner = name === undefined ? 'a paragraph without a name' : `package "${name}"`;
    return unusable(origin.what)(`line ${line}, ${owner}: ${reason}`);
  };
}

/** Faults of an index as a whole. */
export function unusable(what: string): Fault {
  return (reason) =>
    new CaissonError('REPOSITORY_INVALID', `Cannot use "${what}": ${reason}`, { hint: 'The repository is damaged: try another mirror' });
}
