import { hasCode, messageOf } from '../../core/index.ts';
import { NumberList, TextStore } from '../text-store.ts';
import { restorePackage, solverText, type RpmOrigin, type RpmPackage } from './rpm-package.ts';
import type { ElementSlice } from './split-elements.ts';
import { childText, parseElement, type XmlElement } from './xml.ts';

/** A package whose element cannot be used. */
export interface UnusableElement {
  /** As the element says it; empty when it says none. */
  readonly name: string;
  readonly reason: string;
}

/**
 * The packages of repositories, kept as compact texts outside of the heap. A package is made from its text when it is first
 * asked for, so that a hundred thousand others cost their texts.
 */
export class RpmTable {
  readonly #origins: RpmOrigin[] = [];
  readonly #texts = new TextStore();
  readonly #origin = new NumberList();
  readonly #offset = new NumberList();
  readonly #length = new NumberList();
  readonly #made = new Map<number, RpmPackage>();
  readonly #unusable: UnusableElement[] = [];

  get length(): number {
    return this.#texts.length;
  }

  /** Packages that cannot be used, in the order in which they were met. */
  get unusable(): readonly UnusableElement[] {
    return this.#unusable;
  }

  /**
   * Adds the package of an element, unless it is of another architecture. One that cannot be used is kept among the unusable
   * ones: a fault of a package that is not wanted is no fault of the repository. Throws REPOSITORY_INVALID for bytes that are
   * no XML.
   */
  add({ offset, bytes }: ElementSlice, origin: RpmOrigin, isInstallable: (architecture: string) => boolean): void {
    const element = parseElement(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (!isInstallable(childText(element, 'arch') ?? '')) return;
    const text = this.#textOf(element);
    if (text === undefined) return;
    if (this.#origins.at(-1) !== origin) this.#origins.push(origin);
    this.#origin.push(this.#origins.length - 1);
    this.#offset.push(offset);
    this.#length.push(bytes.byteLength);
    this.#texts.push(Buffer.from(text, 'utf8').toString('latin1'));
  }

  /** The text of a row: see `solverText`. */
  textAt(row: number): string {
    return Buffer.from(this.#texts.at(row), 'latin1').toString('utf8');
  }

  originAt(row: number): RpmOrigin {
    const origin = this.#origins[this.#origin.at(row)];
    if (origin === undefined) throw new RangeError(`there is no package ${row}`);
    return origin;
  }

  at(row: number): RpmPackage {
    const known = this.#made.get(row);
    if (known !== undefined) return known;
    const place = { origin: this.originAt(row), offset: this.#offset.at(row), length: this.#length.at(row) };
    const made = restorePackage(this.textAt(row), place);
    this.#made.set(row, made);
    return made;
  }

  #textOf(element: XmlElement): string | undefined {
    try {
      const text = solverText(element);
      // Rich dependencies are read once here, so that one that cannot be read rules its package out.
      restorePackage(text, NOWHERE);
      return text;
    } catch (error) {
      if (!hasCode(error, 'REPOSITORY_INVALID')) throw error;
      this.#unusable.push({ name: (childText(element, 'name') ?? '').slice(0, 80), reason: messageOf(error) });
      return undefined;
    }
  }
}

const NOWHERE = {
  origin: {
    repository: '',
    what: '',
    prefer: [],
    isHotfix: false,
    reopen: (): never => {
      throw new Error('there is nothing to open');
    },
    openFilelists: undefined,
  },
  offset: 0,
  length: 0,
};
