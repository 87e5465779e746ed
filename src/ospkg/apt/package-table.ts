import { hasCode, messageOf } from '../../core/index.ts';
import { parseAptPackage, restorePackage, type AptPackage, type PackageOrigin } from './apt-package.ts';
import type { Paragraph } from './control-file.ts';
import { NumberList, TextStore } from '../text-store.ts';

/**
 * The packages of a distribution in little memory: the fields that a solver needs are kept as bytes; a package becomes
 * an object when it is first asked for, which few are. The same package is the same object each time.
 */
export class PackageTable implements Iterable<AptPackage> {
  readonly #origins: PackageOrigin[] = [];
  readonly #texts = new TextStore();
  readonly #origin = new NumberList();
  readonly #offset = new NumberList();
  readonly #length = new NumberList();
  readonly #line = new NumberList();
  /** Rows of packages that hosts are likely to have, so that they are found without a search of all rows. */
  readonly #common: number[] = [];
  readonly #named = new Map<string, Rows>();
  readonly #providing = new Map<string, Rows>();
  readonly #made = new Map<number, AptPackage>();
  readonly #unusable: UnusableParagraph[] = [];

  get length(): number {
    return this.#texts.length;
  }

  /** Paragraphs that cannot be used, in the order in which they were met. */
  get unusable(): readonly UnusableParagraph[] {
    return this.#unusable;
  }

  /**
   * Checks a paragraph and adds its package, unless it is of another architecture. One that cannot be used is kept among
   * the unusable ones: a fault of a package that is not wanted is no fault of the repository.
   */
  add(paragraph: Paragraph, origin: PackageOrigin): void {
    const parsed = this.#parse(paragraph, origin);
    if (parsed === undefined) return;
    const { found, text } = parsed;
    const row = this.length;
    if (this.#origins.at(-1) !== origin) this.#origins.push(origin);
    this.#origin.push(this.#origins.length - 1);
    this.#offset.push(paragraph.offset);
    this.#length.push(paragraph.characters.length);
    this.#line.push(paragraph.line);
    this.#texts.push(text);
    if (found.essential || found.priority !== 'optional') this.#common.push(row);
    addRow(this.#named, found.name, row);
    for (const name of new Set(found.provides.map((provide) => provide.name))) addRow(this.#providing, name, row);
  }

  /** The packages of this name, in the order in which they were added. */
  named(name: string): readonly AptPackage[] {
    return rowsOf(this.#named, name).map((row) => this.#at(row));
  }

  /** The packages that provide this name, in any version, in the order in which they were added. */
  providing(name: string): readonly AptPackage[] {
    return rowsOf(this.#providing, name).map((row) => this.#at(row));
  }

  /** Packages that have this text in one of the fields that a solver needs, in the order in which they were added. */
  holding(text: string): readonly AptPackage[] {
    return this.#texts.holding(text).map((row) => this.#at(row));
  }

  names(): Iterable<string> {
    return this.#named.keys();
  }

  /** The packages that are essential or of another priority than optional. */
  common(): readonly AptPackage[] {
    return this.#common.map((row) => this.#at(row));
  }

  *[Symbol.iterator](): Generator<AptPackage> {
    for (let row = 0; row < this.length; row++) yield this.#at(row);
  }

  #parse(paragraph: Paragraph, origin: PackageOrigin): ReturnType<typeof parseAptPackage> {
    try {
      return parseAptPackage(paragraph, origin);
    } catch (error) {
      if (!hasCode(error, 'REPOSITORY_INVALID')) throw error;
      const [, name = ''] = /^Package:[ \t]*(\S{1,80})/im.exec(paragraph.characters) ?? [];
      this.#unusable.push({ name, reason: messageOf(error) });
      return undefined;
    }
  }

  #at(row: number): AptPackage {
    const known = this.#made.get(row);
    if (known !== undefined) return known;
    const origin = this.#origins[this.#origin.at(row)];
    if (origin === undefined) throw new RangeError(`there is no package ${row}`);
    const place = { origin, offset: this.#offset.at(row), length: this.#length.at(row), line: this.#line.at(row) };
    const made = restorePackage(this.#texts.at(row), place);
    this.#made.set(row, made);
    return made;
  }
}

/** A paragraph that cannot be used. */
export interface UnusableParagraph {
  /** As the paragraph says it; empty when it says none. */
  readonly name: string;
  readonly reason: string;
}

/** Most names have one row. */
type Rows = number | number[];

function addRow(rows: Map<string, Rows>, name: string, row: number): void {
  const known = rows.get(name);
  if (known === undefined) rows.set(ownCopy(name), row);
  else if (typeof known === 'number') rows.set(name, [known, row]);
  else known.push(row);
}

function rowsOf(rows: ReadonlyMap<string, Rows>, name: string): readonly number[] {
  const known = rows.get(name) ?? [];
  return typeof known === 'number' ? [known] : known;
}

/** A string that does not keep the one in memory that it was cut from. */
function ownCopy(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
