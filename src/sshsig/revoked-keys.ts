import { createHash } from 'node:crypto';
import { CaissonError, InvalidInputError, messageOf, type InputProblem } from '../core/index.ts';
import { PROBLEM_LIMIT } from './allowed-signers.ts';
import { parseTrustedKeyLine, type PublicKey } from './public-key.ts';
import { WireReader } from './wire.ts';

/** Says of a key whether it is revoked. */
export type IsRevoked = (key: PublicKey) => boolean;

const KRL_MAGIC = Buffer.from('SSHKRL\n\0');
/** Sections of OpenSSH, PROTOCOL.krl. */
const SECTION = { certificates: 1, keys: 2, sha1: 3, signature: 4, sha256: 5 } as const;

/**
 * Reads the file of `ssh-keygen -Y verify -r`: a list of public keys, one a line, or a key revocation list. Unknown
 * sections are refused, except those about certificates, because no signer here is a certificate. Throws
 * InvalidInputError with the line of every mistake, INPUT_INVALID for a damaged revocation list.
 */
export function parseRevokedKeys(bytes: Buffer, file: string): IsRevoked {
  return bytes.subarray(0, KRL_MAGIC.byteLength).equals(KRL_MAGIC) ? parseKrl(bytes, file) : parseList(bytes.toString('utf8'), file);
}

function parseList(text: string, file: string): IsRevoked {
  const problems: InputProblem[] = [];
  const revoked = new Set<string>();
  for (const [index, raw] of text.split('\n').entries()) {
    if (problems.length >= PROBLEM_LIMIT) break;
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    try {
      const key = parseTrustedKeyLine(line);
      if (key !== undefined) revoked.add(key.fingerprint);
    } catch (error) {
      problems.push({
        position: { line: index + 1, column: raw.search(/\S/) + 1 },
        reason: messageOf(error),
        ...(/^(serial|id|key|sha1|sha256|hash):/i.test(line) ? { remedy: 'make a list from it: ssh-keygen -k -f LIST FILE' } : {}),
      });
    }
  }
  if (problems.length > 0) throw new InvalidInputError(file, problems);
  return ({ fingerprint }) => revoked.has(fingerprint);
}

function parseKrl(bytes: Buffer, file: string): IsRevoked {
  const revoked = { blobs: new Set<string>(), sha1: new Set<string>(), sha256: new Set<string>() };
  try {
    const reader = new WireReader(bytes.subarray(KRL_MAGIC.byteLength));
    const version = reader.uint32();
    if (version !== 1) throw new Error(`it is of version ${version}, known is 1`);
    // Number, date and flags of the list; a reserved field and a comment.
    for (let field = 0; field < 3; field += 1) reader.uint64();
    for (let field = 0; field < 2; field += 1) reader.string();
    while (reader.rest > 0) readSection(reader, revoked);
  } catch (cause) {
    throw new CaissonError('INPUT_INVALID', `Cannot use the key revocation list "${file}": ${messageOf(cause)}`, {
      cause,
      hint: `Look at it with: ssh-keygen -Q -l -f ${file}`,
    });
  }
  return ({ blob }) =>
    revoked.blobs.has(blob.toString('base64')) ||
    revoked.sha1.has(createHash('sha1').update(blob).digest('base64')) ||
    revoked.sha256.has(createHash('sha256').update(blob).digest('base64'));
}

type Revoked = Readonly<Record<'blobs' | 'sha1' | 'sha256', Set<string>>>;

function readSection(reader: WireReader, revoked: Revoked): void {
  const type = reader.byte();
  const items = new WireReader(reader.string());
  const places: Readonly<Record<number, Set<string>>> = {
    [SECTION.keys]: revoked.blobs,
    [SECTION.sha1]: revoked.sha1,
    [SECTION.sha256]: revoked.sha256,
  };
  const place = places[type];
  if (place === undefined) {
    if (type !== SECTION.certificates)
      throw new Error(type === SECTION.signature ? 'it is signed, which is not supported' : `it has a section of type ${type}`);
    return;
  }
  while (items.rest > 0) {
    const item = items.string();
    const length = type === SECTION.sha1 ? 20 : 32;
    if (type !== SECTION.keys && item.byteLength !== length)
      throw new Error(`a fingerprint in it has ${item.byteLength} bytes, want ${length}`);
    place.add(item.toString('base64'));
  }
}
