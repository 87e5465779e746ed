import { CaissonError } from '../../core/index.ts';

/** An element of an XML document, its name and those of its attributes without the prefixes of namespaces. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  /** The text of the element itself, without that of its children. */
  readonly text: string;
}

/** Deepest nesting of elements: metadata of packages has five levels. */
const DEPTH_LIMIT = 32;

const NAME = /[A-Za-z_][A-Za-z0-9_.-]*(?::[A-Za-z_][A-Za-z0-9_.-]*)?/y;
const ATTRIBUTE = /\s+([A-Za-z_][A-Za-z0-9_.-]*(?::[A-Za-z_][A-Za-z0-9_.-]*)?)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/y;
const TAG_END = /\s*(\/?)>/y;

/** Characters that XML 1.0 does not have. */
// eslint-disable-next-line no-control-regex
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

/**
 * Reads one element with all that is in it. An XML declaration, comments and CDATA are understood; there are no document types
 * and no entities but the five of XML, so that nothing is expanded and nothing is fetched. Throws REPOSITORY_INVALID for
 * everything that is not well-formed.
 */
export function parseElement(text: string): XmlElement {
  return new XmlReader(text).document();
}

/** The first child with a name. */
export function findChild(element: XmlElement, name: string): XmlElement | undefined {
  return element.children.find((child) => child.name === name);
}

/** The text of a child, without the white space around it; undefined without such a child. */
export function childText(element: XmlElement, name: string): string | undefined {
  return findChild(element, name)?.text.trim();
}

/** Text as it stands in an element or an attribute. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"\t\n\r]/g, (character) => ESCAPES[character] ?? character);
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};

interface OpenElement {
  readonly qualified: string;
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: XmlElement[];
  text: string;
}

class XmlReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    if (FORBIDDEN.test(text)) throw fault('it has a character that XML does not have');
  }

  document(): XmlElement {
    if (this.#text.startsWith('<?xml')) this.#skipPast('?>');
    this.#skipBetween();
    const root = this.#element();
    this.#skipBetween();
    if (this.#at < this.#text.length) throw this.#fault('something follows the last element');
    return root;
  }

  /** White space and comments between elements. */
  #skipBetween(): void {
    for (;;) {
      while (/\s/.test(this.#text[this.#at] ?? '')) this.#at += 1;
      if (!this.#text.startsWith('<!--', this.#at)) return;
      this.#skipPast('-->');
    }
  }

  #element(): XmlElement {
    const open: OpenElement[] = [];
    for (;;) {
      const tag = this.#openTag();
      let closed: XmlElement | undefined;
      if (tag.isEmpty) closed = finished(tag.element);
      else if (open.push(tag.element) > DEPTH_LIMIT) throw this.#fault(`elements are nested more than ${DEPTH_LIMIT} deep`);
      for (;;) {
        const parent = open.at(-1);
        if (closed !== undefined) {
          if (parent === undefined) return closed;
          parent.children.push(closed);
        }
        if (parent === undefined) throw this.#fault('an element is missing');
        this.#content(parent);
        if (!this.#text.startsWith('</', this.#at)) break;
        this.#closeTag(parent);
        open.pop();
        closed = finished(parent);
      }
    }
  }

  /** Reads text, CDATA and comments up to the next tag. */
  #content(owner: OpenElement): void {
    for (;;) {
      const end = this.#text.indexOf('<', this.#at);
      if (end < 0) throw this.#fault(`"${owner.qualified}" has no end`);
      if (end > this.#at) {
        const raw = this.#text.slice(this.#at, end);
        if (raw.includes(']]>')) throw this.#fault('it has ]]> in a text');
        owner.text += this.#decoded(raw);
        this.#at = end;
      }
      if (this.#text.startsWith('<!--', this.#at)) this.#skipPast('-->');
      else if (this.#text.startsWith('<![CDATA[', this.#at)) {
        const start = this.#at + '<![CDATA['.length;
        this.#skipPast(']]>');
        owner.text += this.#text.slice(start, this.#at - 3);
      } else return;
    }
  }

  #openTag(): { readonly element: OpenElement; readonly isEmpty: boolean } {
    if (this.#text[this.#at] !== '<') throw this.#fault('it is no element');
    this.#at += 1;
    const qualified = this.#match(NAME)?.[0];
    if (qualified === undefined) throw this.#fault('a tag has no name');
    const attributes: Record<string, string> = Object.create(null) as Record<string, string>;
    for (let found = this.#match(ATTRIBUTE); found !== undefined; found = this.#match(ATTRIBUTE)) {
      const [, name = '', double, single] = found;
      const local = localName(name);
      if (name.startsWith('xmlns')) continue;
      if (attributes[local] !== undefined) throw this.#fault(`attribute "${local}" is there twice`);
      attributes[local] = this.#decoded(double ?? single ?? '');
    }
    const end = this.#match(TAG_END);
    if (end === undefined) throw this.#fault(`the tag of "${qualified}" has no end`);
    return { element: { qualified, name: localName(qualified), attributes, children: [], text: '' }, isEmpty: end[1] === '/' };
  }

  #closeTag({ qualified }: OpenElement): void {
    this.#at += 2;
    if (this.#match(NAME)?.[0] !== qualified) throw this.#fault(`"${qualified}" ends with another name`);
    if (this.#match(TAG_END)?.[1] !== '') throw this.#fault(`the end of "${qualified}" is cut short`);
  }

  #decoded(raw: string): string {
    if (!raw.includes('&')) return raw;
    return raw.replace(/&([^;&]{0,10};)?/g, (_, body: string | undefined) => {
      const name = body?.slice(0, -1) ?? '';
      const known = ENTITIES[name];
      if (known !== undefined) return known;
      const [, hex, decimal] = /^#(?:x([0-9a-fA-F]{1,6})|([0-9]{1,7}))$/.exec(name) ?? [];
      const code = hex === undefined ? Number(decimal ?? 'none') : Number.parseInt(hex, 16);
      if (!(code > 0 && code <= 0x10ffff) || (code >= 0xd800 && code <= 0xdfff)) throw this.#fault('it has an entity that is not known');
      const character = String.fromCodePoint(code);
      if (FORBIDDEN.test(character)) throw this.#fault('it has a character that XML does not have');
      return character;
    });
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found === null) return undefined;
    this.#at = pattern.lastIndex;
    return found;
  }

  #skipPast(end: string): void {
    const found = this.#text.indexOf(end, this.#at);
    if (found < 0) throw this.#fault(`there is no ${end}`);
    this.#at = found + end.length;
  }

  #fault(reason: string): CaissonError {
    return fault(`character ${this.#at}: ${reason}`);
  }
}

function finished({ name, attributes, children, text }: OpenElement): XmlElement {
  return { name, attributes, children, text };
}

function localName(qualified: string): string {
  return qualified.slice(qualified.indexOf(':') + 1);
}

function fault(reason: string): CaissonError {
  return new CaissonError('REPOSITORY_INVALID', `Cannot read XML: ${reason}`);
}
