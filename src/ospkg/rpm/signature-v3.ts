import { createPublicKey, verify } from 'node:crypto';

/** Digests by their numbers in OpenPGP (RFC 9580, 9.5); older ones are not believed. */
const DIGESTS: ReadonlyMap<number, string> = new Map([
  [8, 'sha256'],
  [9, 'sha384'],
  [10, 'sha512'],
  [11, 'sha224'],
]);

/** RSA, and RSA for signatures alone. */
const RSA: ReadonlySet<number> = new Set([1, 3]);

/** The parts of a key that are needed here. */
interface RsaKey {
  readonly keyPacket: { readonly publicParams?: unknown };
  getKeyID(): { toHex(): string };
}

/** The version of a signature packet; undefined for bytes that are none (RFC 9580, 4.2 and 5.2). */
export function packetVersion(packet: Buffer): number | undefined {
  const body = bodyOf(packet);
  return body?.[0];
}

/**
 * Whether one of the keys made a signature of version 3 over content (RFC 4880, 5.2.2), with which rpm packages of CentOS 7 are
 * signed. RSA alone is known.
 */
export function isSignedInVersion3(packet: Buffer, content: Buffer, keys: readonly { getKeys(): readonly RsaKey[] }[]): boolean {
  const body = bodyOf(packet);
  if (body === undefined || body.byteLength < 22 || body[0] !== 3 || body[1] !== 5) return false;
  const hashed = body.subarray(2, 7);
  const keyId = body.toString('hex', 7, 15);
  const digest = DIGESTS.get(body.readUInt8(16));
  if (digest === undefined || !RSA.has(body.readUInt8(15)) || hashed[0] !== 0) return false;
  const bits = body.readUInt16BE(19);
  const signature = body.subarray(21);
  if (signature.byteLength !== Math.ceil(bits / 8)) return false;
  const data = Buffer.concat([content, hashed]);
  return keys
    .flatMap((key) => key.getKeys())
    .filter((key) => key.getKeyID().toHex() === keyId)
    .some((key) => isGood(key, digest, data, signature));
}

function isGood({ keyPacket }: RsaKey, digest: string, data: Buffer, signature: Buffer): boolean {
  const parameters = keyPacket.publicParams;
  if (typeof parameters !== 'object' || parameters === null || !('n' in parameters) || !('e' in parameters)) return false;
  const { n, e } = parameters;
  if (!(n instanceof Uint8Array) || !(e instanceof Uint8Array)) return false;
  const jwk = { kty: 'RSA', n: Buffer.from(n).toString('base64url'), e: Buffer.from(e).toString('base64url') };
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  const padded = Buffer.concat([Buffer.alloc(Math.max(0, n.byteLength - signature.byteLength)), signature]);
  return verify(digest, data, key, padded);
}

/** The body of a packet with tag 2, in the old or the new form of its header, when nothing follows it. */
function bodyOf(packet: Buffer): Buffer | undefined {
  const first = packet[0] ?? 0;
  const isNew = (first & 0xc0) === 0xc0;
  const tag = isNew ? first & 0x3f : (first >> 2) & 0x0f;
  if ((first & 0x80) === 0 || tag !== 2 || packet.byteLength < 4) return undefined;
  const [start, length] = isNew ? newLength(packet) : oldLength(packet, first & 3);
  return start + length === packet.byteLength ? packet.subarray(start) : undefined;
}

function oldLength(packet: Buffer, type: number): readonly [number, number] {
  if (type === 0) return [2, packet.readUInt8(1)];
  if (type === 1) return [3, packet.readUInt16BE(1)];
  return type === 2 && packet.byteLength > 5 ? [5, packet.readUInt32BE(1)] : [1, -1];
}

function newLength(packet: Buffer): readonly [number, number] {
  const first = packet.readUInt8(1);
  if (first < 192) return [2, first];
  if (first < 224) return [3, ((first - 192) << 8) + packet.readUInt8(2) + 192];
  return first === 255 && packet.byteLength > 6 ? [6, packet.readUInt32BE(2)] : [1, -1];
}
