import { createHash } from 'node:crypto';
import { CaissonError, messageOf } from '../../core/index.ts';
import { splitRpmVersion } from './rpm-version.ts';
import { parseRpmFile, type RpmFile } from './rpm-file.ts';
import { isSignedInVersion3, packetVersion } from './signature-v3.ts';

export interface PackageIdentity {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
}

/**
 * Checks that a package file is the expected package and that a key signed it: its header, which has the digest of the payload,
 * or all of it. Throws REPOSITORY_UNTRUSTED, and REPOSITORY_INVALID for a file that is no package. `keys` are armored.
 */
export async function requireSignedPackage(bytes: Buffer, expected: PackageIdentity, keys: readonly string[], what: string): Promise<void> {
  const file = parseRpmFile(bytes, what);
  if (!isSame(file, expected)) {
    const { name, version, release, architecture } = file;
    throw untrusted(what, [
      `it is ${name}-${version}-${release}.${architecture}, not ${expected.name}-${expected.version}.${expected.architecture}`,
    ]);
  }
  const { readKey } = await import('openpgp');
  const readable = await Promise.all(keys.map((armoredKey) => readKey({ armoredKey })));
  const reasons: string[] = [];
  const isPayloadRight =
    file.payloadDigest !== undefined && createHash('sha256').update(file.payload).digest('hex') === file.payloadDigest.toLowerCase();
  const candidates = [
    // A signature over the header alone says of the payload what the header says.
    ...(isPayloadRight ? file.headerSignatures.map((signature) => ({ signature, content: file.header })) : []),
    ...file.wholeSignatures.map((signature) => ({ signature, content: file.headerAndPayload })),
  ];
  for (const { signature, content } of candidates) {
    const fault = await faultOf(signature, content, readable);
    if (fault === undefined) return;
    reasons.push(fault);
  }
  const isWithout = file.headerSignatures.length + file.wholeSignatures.length === 0;
  throw untrusted(what, reasons.length > 0 ? reasons : [isWithout ? 'it is not signed' : 'its payload is not what its header says']);
}

type OpenPgpKey = Awaited<ReturnType<(typeof import('openpgp'))['readKey']>>;

/** Undefined for a good signature. Keys that expired since count: rpm does not ask when a key expires. */
async function faultOf(signature: Buffer, content: Buffer, keys: readonly OpenPgpKey[]): Promise<string | undefined> {
  try {
    if (packetVersion(signature) === 3)
      return isSignedInVersion3(signature, content, keys) ? undefined : 'none of the keys made its signature';
    const { createMessage, readSignature, verify } = await import('openpgp');
    const parsed = await readSignature({ binarySignature: Uint8Array.from(signature) });
    const date = parsed.packets[0]?.created ?? new Date(0);
    const message = await createMessage({ binary: Uint8Array.from(content) });
    const { signatures } = await verify({ message, signature: parsed, verificationKeys: [...keys], date });
    const outcomes = await Promise.allSettled(signatures.map(async ({ verified }) => await verified));
    if (outcomes.some((outcome) => outcome.status === 'fulfilled' && outcome.value)) return undefined;
    const [first] = outcomes;
    return first?.status === 'rejected' ? messageOf(first.reason) : 'it carries no signature';
  } catch (error) {
    return messageOf(error);
  }
}

function isSame(file: RpmFile, { name, version, architecture }: PackageIdentity): boolean {
  const expected = splitRpmVersion(version);
  return (
    file.name === name &&
    file.architecture === architecture &&
    file.version === expected.version &&
    file.release === expected.release &&
    String(file.epoch) === expected.epoch
  );
}

function untrusted(what: string, reasons: readonly string[]): CaissonError {
  return new CaissonError('REPOSITORY_UNTRUSTED', `Cannot trust package "${what}": ${reasons.join('; ')}`, {
    hint: 'Hosts check the signature of every package. It must be made by a key of the file that signedBy names: add the key of who made the package',
  });
}
