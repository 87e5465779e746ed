import { nearestName } from '../../io/index.ts';
import { fitsPattern } from '../name-pattern.ts';
import { formatDependency, fits, type Capability, type Dependency } from './dependency.ts';
import type { FilteredPackage, ModuleFilter } from './modules.ts';
import type { RpmTable } from './package-table.ts';
import type { RpmPackage } from './rpm-package.ts';
import { compareRpmVersions, splitRpmVersion } from './rpm-version.ts';

/** A version that a set asks for; `*` in it stands for any text. */
export interface RpmWish {
  readonly version: string;
  readonly set: string;
}

export interface UniverseOptions {
  /** Versions by name of the package that sets ask for. */
  readonly versions?: ReadonlyMap<string, readonly RpmWish[]>;
  /** Patterns of packages that are never taken. */
  readonly exclude?: readonly string[];
  /** Versions by name of the package that are kept as long as they are on offer. */
  readonly held?: ReadonlyMap<string, string>;
  /** Hides packages of modules. */
  readonly modules?: ModuleFilter;
}

/** createrepo_c lists these in primary.xml: all others are in filelists.xml alone. */
const PRIMARY_FILE = /^(?:\/etc\/|.*bin\/|\/usr\/lib\/sendmail$)/;

/** Names by which dnf knows packages that are installed beside other versions of themselves (installonlypkgs in dnf.conf(5)). */
const SIDE_BY_SIDE: ReadonlySet<string> = new Set([
  ...['kernel', 'kernel-PAE', 'installonlypkg(kernel)', 'installonlypkg(kernel-module)', 'installonlypkg(vm)', 'multiversion(kernel)'],
]);

/**
 * The packages that may be chosen, by number from 1 on, in the order of the repositories and of their metadata. Those that the
 * manifest or the lock rules out are not offered, and told in explanations.
 */
export class RpmUniverse {
  readonly #table: RpmTable;
  readonly #named = new Map<string, number[]>();
  readonly #providing = new Map<string, number[]>();
  readonly #files = new Map<string, number[]>();
  readonly #obsoleting = new Map<string, number[]>();
  readonly #refused = new Map<number, string>();
  readonly #found = new Map<string, readonly number[]>();
  /** Files that some package was asked for and that primary.xml does not list. */
  readonly #unread = new Set<string>();
  readonly #read: ReadonlyMap<string, readonly number[]>;

  /** `listed` has the packages of files, by path, as filelists.xml gave them. */
  constructor(table: RpmTable, options: UniverseOptions, listed: ReadonlyMap<string, readonly number[]> = new Map()) {
    this.#table = table;
    this.#read = listed;
    for (let row = 0; row < table.length; row += 1) push(this.#named, nameIn(table.textAt(row)), row + 1);
    for (const [name, ids] of this.#named) this.#refuse(name, ids, options);
    for (let row = 0; row < table.length; row += 1) this.#index(row + 1);
  }

  get size(): number {
    return this.#table.length;
  }

  at(id: number): RpmPackage {
    return this.#table.at(id - 1);
  }

  /** Files that no read metadata lists, though they may be in filelists.xml. */
  get unread(): ReadonlySet<string> {
    return this.#unread;
  }

  /** The packages of a name that may be chosen, whatever their version. */
  named(name: string): readonly number[] {
    return (this.#named.get(name) ?? []).filter((id) => !this.#refused.has(id));
  }

  /** Every version of a package, those that are ruled out included, newest first. */
  versionsOf(name: string): readonly number[] {
    return [...(this.#named.get(name) ?? [])].sort((a, b) => compareRpmVersions(this.at(b).version, this.at(a).version) || a - b);
  }

  /** Why a package may not be chosen; undefined for one that may. */
  refusalOf(id: number): string | undefined {
    return this.#refused.get(id);
  }

  /** True for packages of which several versions are installed side by side, such as kernels. */
  isSideBySide(id: number): boolean {
    const { name, provides } = this.at(id);
    return SIDE_BY_SIDE.has(name) || provides.some((item) => SIDE_BY_SIDE.has(item.name));
  }

  /** The packages of which any provides a capability, in order. */
  providers(wanted: Capability): readonly number[] {
    const key = formatDependency(wanted);
    const known = this.#found.get(key);
    if (known !== undefined) return known;
    const byName = (this.#providing.get(wanted.name) ?? []).filter((id) =>
      this.at(id).provides.some((item) => item.name === wanted.name && fits(item.range, wanted.range)),
    );
    const found = wanted.name.startsWith('/') ? united(byName, this.#withFile(wanted.name)) : byName;
    this.#found.set(key, found);
    return found;
  }

  /** The packages that one of a dependency's alternatives stands for: capabilities, and those joined by `with` and `without`. */
  providersOf(dependency: Dependency): readonly number[] {
    if (dependency.kind === 'capability') return this.providers(dependency);
    const [first = [], ...others] = dependency.parts.map((part) => this.providersOf(part));
    if (dependency.kind === 'with' || dependency.kind === 'and') return first.filter((id) => others.every((ids) => ids.includes(id)));
    if (dependency.kind === 'without') return first.filter((id) => !others.some((ids) => ids.includes(id)));
    return others.reduce<readonly number[]>(united, first);
  }

  /** The packages of a name in a range of versions, whatever else they provide: obsoletes and conflicts of names mean these. */
  namedIn(wanted: Capability): readonly number[] {
    return this.named(wanted.name).filter((id) => {
      const version = splitRpmVersion(this.at(id).version);
      return fits({ operator: 'EQ', version }, wanted.range);
    });
  }

  /** The packages that obsolete any of the given ones. */
  obsoleting(ids: readonly number[]): readonly number[] {
    const wanted = new Set(ids);
    const names = new Set(ids.map((id) => this.at(id).name));
    const found = [...names].flatMap((name) => this.#obsoleting.get(name) ?? []);
    return [...new Set(found)].filter((id) => {
      const { name, obsoletes } = this.at(id);
      return obsoletes.some((item) => item.name !== name && this.namedIn(item).some((other) => wanted.has(other)));
    });
  }

  /** Every package that any part of a dependency means. */
  mentioned(dependency: Dependency): readonly number[] {
    if (dependency.kind === 'capability') return this.providers(dependency);
    return dependency.parts.flatMap((part) => this.mentioned(part));
  }

  nearest(name: string): string | undefined {
    return nearestName(name, this.#named.keys());
  }

  /** The reasons why elements of a package cannot be used, as they were met. */
  unusable(name: string): readonly string[] {
    return this.#table.unusable.filter((item) => item.name === name).map(({ reason }) => reason);
  }

  #withFile(path: string): readonly number[] {
    const listed = this.#read.get(path);
    if (listed !== undefined) return listed.filter((id) => !this.#refused.has(id));
    if (!PRIMARY_FILE.test(path)) this.#unread.add(path);
    return this.#files.get(path) ?? [];
  }

  #index(id: number): void {
    if (this.#refused.has(id)) return;
    const lines = this.#table.textAt(id - 1).split('\n');
    push(this.#providing, lines[0] ?? '', id);
    for (const line of lines) {
      if (line.startsWith('f ')) push(this.#files, line.slice(2), id);
      else if (line.startsWith('0 ')) push(this.#providing, nameInLine(line), id);
      else if (line.startsWith('3 ')) push(this.#obsoleting, nameInLine(line), id);
    }
  }

  #refuse(name: string, ids: readonly number[], { versions, exclude = [], held, modules }: UniverseOptions): void {
    const pattern = exclude.find((one) => fitsPattern(name, one));
    if (pattern !== undefined) {
      for (const id of ids) this.#refused.set(id, `"exclude" names "${pattern}"`);
      return;
    }
    for (const id of modules === undefined ? [] : ids) {
      const refusal = modules?.refusalOf(this.#filtered(id, name));
      if (refusal !== undefined) this.#refused.set(id, refusal);
    }
    for (const { version, set } of versions?.get(name) ?? []) {
      for (const id of ids) {
        if (!this.#refused.has(id) && !fitsVersion(this.#versionOf(id), version))
          this.#refused.set(id, `package set "${set}" asks for ${version}`);
      }
    }
    const left = (): number[] => ids.filter((id) => !this.#refused.has(id));
    const kept = held?.get(name);
    if (kept !== undefined && left().some((id) => this.#versionOf(id) === kept)) {
      for (const id of left()) if (this.#versionOf(id) !== kept) this.#refused.set(id, `the lock holds ${kept}`);
    }
    const preferred = left().filter((id) => this.#table.originAt(id - 1).prefer.some((one) => fitsPattern(name, one)));
    if (preferred.length === 0) return;
    for (const id of left()) if (!preferred.includes(id)) this.#refused.set(id, 'another repository is preferred for it');
  }

  #filtered(id: number, name: string): FilteredPackage {
    const [, version = '', architecture = '', ...lines] = this.#table.textAt(id - 1).split('\n');
    const provides = lines.filter((line) => line.startsWith('0 ')).map(nameInLine);
    return { name, version, architecture, isHotfix: this.#table.originAt(id - 1).isHotfix, provides };
  }

  #versionOf(id: number): string {
    const text = this.#table.textAt(id - 1);
    const start = text.indexOf('\n') + 1;
    return text.slice(start, text.indexOf('\n', start));
  }
}

/** A version fits with its epoch and its release, without its epoch, and without both. */
function fitsVersion(version: string, pattern: string): boolean {
  const { version: upstream, release } = splitRpmVersion(version);
  return [version, `${upstream}-${release}`, upstream].some((text) => fitsPattern(text, pattern));
}

function nameIn(text: string): string {
  return text.slice(0, text.indexOf('\n'));
}

/** The name in a line of a relation: `0 - name`, `0 EQ 1.0-1 name`. */
function nameInLine(line: string): string {
  return line.startsWith('- ', 2) ? line.slice(4) : line.slice(line.indexOf(' ', line.indexOf(' ', 2) + 1) + 1);
}

function push(map: Map<string, number[]>, name: string, id: number): void {
  const known = map.get(name);
  if (known === undefined) map.set(name, [id]);
  else if (known.at(-1) !== id) known.push(id);
}

function united(left: readonly number[], right: readonly number[]): readonly number[] {
  if (right.length === 0) return left;
  if (left.length === 0) return right;
  return [...new Set([...left, ...right])].sort((a, b) => a - b);
}
