import { InvalidInputError, messageOf, type InputProblem } from '../core/index.ts';
import { decodeBase64, publicKeyOf, type PublicKey } from './public-key.ts';

/** A person stops reading long before. */
export const PROBLEM_LIMIT = 200;

/** Thrice what the longest key of ssh-keygen needs; splitting takes its square in time. */
const LINE_LIMIT = 8192;

/** One line of an allowed signers file (ssh-keygen(1), ALLOWED SIGNERS). */
export interface AllowedSigner {
  /** As the file has it: patterns with commas between. */
  readonly principals: string;
  readonly key: PublicKey;
  /** Purposes it may sign for; every one when undefined. Patterns. */
  readonly namespaces: readonly string[] | undefined;
  readonly validAfter: Date | undefined;
  readonly validBefore: Date | undefined;
}

/** Reads an allowed signers file strictly. Throws InvalidInputError with the line of every mistake. */
export function parseAllowedSigners(text: string, file: string): readonly AllowedSigner[] {
  const problems: InputProblem[] = [];
  const signers: AllowedSigner[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    if (problems.length >= PROBLEM_LIMIT) break;
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    try {
      signers.push(parseLine(line));
    } catch (error) {
      problems.push({ position: { line: index + 1, column: 1 }, reason: messageOf(error) });
    }
  }
  if (problems.length > 0) throw new InvalidInputError(file, problems);
  return signers;
}

/** Who of the allowed ones the key is, for this purpose at this time; undefined when it is nobody. */
export function findSigner(
  signers: readonly AllowedSigner[],
  { key, namespace, at }: { readonly key: PublicKey; readonly namespace: string; readonly at: Date },
): AllowedSigner | undefined {
  return signers.find(
    (signer) =>
      signer.key.blob.equals(key.blob) &&
      (signer.namespaces === undefined || signer.namespaces.some((pattern) => matchesPattern(namespace, pattern))) &&
      (signer.validAfter === undefined || at >= signer.validAfter) &&
      (signer.validBefore === undefined || at <= signer.validBefore),
  );
}

function parseLine(line: string): AllowedSigner {
  const fields = splitFields(line);
  const [principals, ...rest] = fields;
  if (principals === undefined) throw new Error('it names nobody');
  const isKey = (field: string | undefined): boolean => /^(?:ssh|ecdsa|sk-ssh|sk-ecdsa|rsa)-/.test(field ?? '');
  const options = isKey(rest[0]) ? undefined : rest.shift();
  const [type, base64] = rest;
  if (type === undefined || base64 === undefined) throw new Error('it has no key; want: PRINCIPALS [OPTIONS] TYPE KEY');
  const blob = decodeBase64(base64);
  if (blob === undefined) throw new Error('its key is not base64');
  const key = publicKeyOf(blob);
  if (key.type !== type) throw new Error(`it says "${type}", and its key is of type "${key.type}"`);
  return { principals: unquote(principals), key, ...parseOptions(options) };
}

/** Words, and quoted parts of them, with blanks between. */
function splitFields(line: string): string[] {
  if (line.length > LINE_LIMIT) throw new Error(`it has ${line.length} characters, at most ${LINE_LIMIT} are read`);
  const fields = line.match(/(?:[^\s"]|"(?:[^"\\]|\\.)*")+/g) ?? [];
  if (fields.join('').length !== line.replace(/\s(?=(?:[^"]*"[^"]*")*[^"]*$)/g, '').length)
    throw new Error('a quotation mark is not closed');
  return fields;
}

function unquote(text: string): string {
  return text.replace(/^"(.*)"$/s, '$1').replaceAll('\\"', '"');
}

function parseOptions(text: string | undefined): Pick<AllowedSigner, 'namespaces' | 'validAfter' | 'validBefore'> {
  const options = new Map<string, string>();
  for (const option of text?.match(/(?:[^,"]|"(?:[^"\\]|\\.)*")+/g) ?? []) {
    const [name = '', value] = option.split(/=(.*)/s);
    const known = name.toLowerCase();
    if (known === 'cert-authority') throw new Error('"cert-authority" is not supported: name the keys that sign');
    if (!['namespaces', 'valid-after', 'valid-before'].includes(known)) throw new Error(`there is no option "${name}"`);
    if (value === undefined) throw new Error(`option "${name}" has no value`);
    if (options.has(known)) throw new Error(`option "${name}" is there twice`);
    options.set(known, unquote(value));
  }
  const namespaces = options.get('namespaces');
  const [validAfter, validBefore] = [parseTime(options.get('valid-after')), parseTime(options.get('valid-before'))];
  if (validAfter !== undefined && validBefore !== undefined && validBefore <= validAfter) throw new Error('it ends before it begins');
  return { namespaces: namespaces?.split(','), validAfter, validBefore };
}

/** ssh-keygen(1): YYYYMMDD[HHMM[SS]], with Z in UTC, else in the zone of this machine. */
function parseTime(text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const [, year, month, day, hour = '00', minute = '00', second = '00', zone] =
    /^(\d{4})(\d{2})(\d{2})(?:(\d{2})(\d{2})(\d{2})?)?(Z?)$/.exec(text) ?? [];
  const time = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}${zone ?? ''}`);
  if (year === undefined || Number.isNaN(time.getTime())) throw new Error(`"${text}" is no time such as 20260131 or 202601311200Z`);
  return time;
}

/** ssh_config(5), PATTERNS: `*` and `?`. */
function matchesPattern(text: string, pattern: string): boolean {
  const expression = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${expression}$`, 's').test(text);
}
