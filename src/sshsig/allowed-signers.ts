import { InvalidInputError, messageOf, type InputProblem } from '../core/index.ts';
import { matchesPatterns } from './patterns.ts';
import { isTypeOfKey, parseTrustedKeyLine, type PublicKey } from './public-key.ts';
import { parseTimestamp } from './timestamp.ts';

/** A person stops reading long before. */
export const PROBLEM_LIMIT = 200;

/** Three times the length of ssh-keygen's longest key. */
const LINE_LIMIT = 8192;

/** One line of an allowed signers file (ssh-keygen(1), ALLOWED SIGNERS). */
export interface AllowedSigner {
  /** As the file has it: patterns with commas between. */
  readonly principals: string;
  /** Where it stands, as FILE:LINE. */
  readonly place: string;
  readonly key: PublicKey;
  /** Purposes it may sign for, as patterns with commas between; every one when undefined. */
  readonly namespaces: string | undefined;
  readonly validAfter: Date | undefined;
  readonly validBefore: Date | undefined;
}

/**
 * Reads an allowed signers file strictly. Keys of kinds that sign nothing here are left out, since such files serve other
 * uses, too. Throws InvalidInputError with the place of every mistake.
 */
export function parseAllowedSigners(text: string, file: string): readonly AllowedSigner[] {
  const problems: InputProblem[] = [];
  const signers: AllowedSigner[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    if (problems.length >= PROBLEM_LIMIT) break;
    const content = raw.replace(/\r$/, '');
    if (/^[ \t]*(#|$)/.test(content)) continue;
    const cursor = new Cursor(content);
    try {
      if (content.length > LINE_LIMIT) throw new Error(`it has ${content.length} characters, at most ${LINE_LIMIT} are read`);
      const signer = parseLine(cursor, `${file}:${index + 1}`);
      if (signer !== undefined) signers.push(signer);
    } catch (error) {
      problems.push({ position: { line: index + 1, column: cursor.mark + 1 }, reason: messageOf(error) });
    }
  }
  if (problems.length > 0) throw new InvalidInputError(file, problems);
  return signers;
}

/** The allowed signer that the key belongs to, for this purpose at this time; undefined when there is none. */
export function findSigner(
  signers: readonly AllowedSigner[],
  { key, namespace, at }: { readonly key: PublicKey; readonly namespace: string; readonly at: Date },
): AllowedSigner | undefined {
  // ssh-keygen counts in whole seconds.
  const now = Math.floor(at.getTime() / 1000) * 1000;
  return signers.find(
    (signer) =>
      signer.key.blob.equals(key.blob) &&
      (signer.namespaces === undefined || matchesPatterns(namespace, signer.namespaces)) &&
      (signer.validAfter === undefined || now >= signer.validAfter.getTime()) &&
      (signer.validBefore === undefined || now <= signer.validBefore.getTime()),
  );
}

/** A place in a line; `mark` is where the field that is being read began. */
class Cursor {
  readonly text: string;
  at = 0;
  mark = 0;

  constructor(text: string) {
    this.text = text;
    this.skipSpace();
  }

  get rest(): string {
    return this.text.slice(this.at);
  }

  skipSpace(): void {
    while (this.text[this.at] === ' ' || this.text[this.at] === '\t') this.at += 1;
    this.mark = this.at;
  }

  /** Takes what matches here. */
  take(pattern: RegExp): RegExpExecArray | undefined {
    const match = new RegExp(pattern.source, `${pattern.flags}y`);
    match.lastIndex = this.at;
    const found = match.exec(this.text) ?? undefined;
    if (found !== undefined) this.at += found[0].length;
    return found;
  }
}

function parseLine(cursor: Cursor, place: string): AllowedSigner | undefined {
  const principals = cursor.take(/"([^"]*)"(?=[ \t])|([^" \t]+)(?=[ \t])/);
  if (principals === undefined) throw new Error('want PRINCIPALS [OPTIONS] TYPE KEY');
  cursor.skipSpace();
  const isKey = isTypeOfKey(/^[^ \t]*/.exec(cursor.rest)?.[0] ?? '');
  const options = isKey ? NO_OPTIONS : parseOptions(cursor);
  cursor.skipSpace();
  const key = parseTrustedKeyLine(cursor.rest);
  return key === undefined ? undefined : { principals: principals[1] ?? principals[2] ?? '', place, key, ...options };
}

type Options = Pick<AllowedSigner, 'namespaces' | 'validAfter' | 'validBefore'>;
const NO_OPTIONS: Options = { namespaces: undefined, validAfter: undefined, validBefore: undefined };

function parseOptions(cursor: Cursor): Options {
  const start = cursor.at;
  const found = new Map<string, string>();
  const times = new Map<string, Date>();
  do {
    cursor.mark = cursor.at;
    if (cursor.take(/cert-authority(?=[ \t,]|$)/i) !== undefined) {
      throw new Error('"cert-authority" is not supported: name the keys that sign');
    }
    const [, written, value] = cursor.take(/(namespaces|valid-after|valid-before)="((?:[^"\\]|\\.)*)"/i) ?? [];
    const name = written?.toLowerCase();
    if (name === undefined || value === undefined) {
      throw new Error('want a public key, or an option: namespaces="…", valid-after="…" or valid-before="…"');
    }
    if (found.has(name)) throw new Error(`option "${name}" is there twice`);
    if (value === '') throw new Error(`option "${name}" is empty`);
    found.set(name, value.replaceAll('\\"', '"'));
    if (name !== 'namespaces') times.set(name, parseTimestamp(value));
  } while (cursor.take(/,/) !== undefined);
  if (cursor.take(/(?=[ \t])/) === undefined) throw new Error('want a space behind the options, and a public key');
  const [validAfter, validBefore] = [times.get('valid-after'), times.get('valid-before')];
  cursor.mark = start;
  if (validAfter !== undefined && validBefore !== undefined && validBefore <= validAfter) throw new Error('it ends before it begins');
  return { namespaces: found.get('namespaces'), validAfter, validBefore };
}
