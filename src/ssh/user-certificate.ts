import { BaseAgent, utils, type Client, type ParsedKey, type SignCallback, type SigningRequestOptions } from 'ssh2';
import { WireReader, wireString } from '../sshsig/index.ts';

const SUFFIX = '-cert-v01@openssh.com';

/** By type of certificate: the algorithm for the login, and the hash for its signature. */
const ALGORITHMS: Readonly<Record<string, { readonly algorithm: string; readonly hash?: string }>> = {
  [`ssh-ed25519${SUFFIX}`]: { algorithm: `ssh-ed25519${SUFFIX}` },
  [`ecdsa-sha2-nistp256${SUFFIX}`]: { algorithm: `ecdsa-sha2-nistp256${SUFFIX}` },
  [`ecdsa-sha2-nistp384${SUFFIX}`]: { algorithm: `ecdsa-sha2-nistp384${SUFFIX}` },
  [`ecdsa-sha2-nistp521${SUFFIX}`]: { algorithm: `ecdsa-sha2-nistp521${SUFFIX}` },
  [`ssh-rsa${SUFFIX}`]: { algorithm: `rsa-sha2-512${SUFFIX}`, hash: 'sha512' },
};

/** Returns the bytes of a certificate from the text of its file; undefined for other texts. */
export function parseUserCertificate(text: string): Buffer | undefined {
  const [type = '', base64 = ''] = text.trim().split(/\s+/);
  const blob = Buffer.from(base64, 'base64');
  if (ALGORITHMS[type] === undefined || typeOf(blob) !== type) return undefined;
  return blob;
}

function typeOf(blob: Buffer): string | undefined {
  try {
    return new WireReader(blob).string().toString('latin1');
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/**
 * Offers the certificate of a key (OpenSSH, PROTOCOL.certkeys). ssh2 does not support certificates, but it asks an
 * agent which key and signature to send.
 */
export class CertificateAgent extends BaseAgent<ParsedKey> {
  readonly #key: ParsedKey;
  readonly #offered: ParsedKey;
  readonly #hash: string | undefined;

  constructor({ key, passphrase }: { readonly key: string; readonly passphrase?: string }, certificate: Buffer) {
    super();
    const parsed = utils.parseKey(key, passphrase);
    if (parsed instanceof Error) throw parsed;
    const { algorithm, hash } = ALGORITHMS[typeOf(certificate) ?? ''] ?? {};
    this.#key = parsed;
    this.#hash = hash;
    this.#offered = new Proxy(parsed, {
      get: (target, name): unknown => {
        if (name === 'type') return algorithm;
        return name === 'getPublicSSH' ? () => certificate : Reflect.get(target, name);
      },
    });
  }

  getIdentities(done: (error: Error | undefined, keys?: ParsedKey[]) => void): void {
    done(undefined, [this.#offered]);
  }

  sign(_key: ParsedKey, data: Buffer, options: SigningRequestOptions | SignCallback, callback?: SignCallback): void {
    const done = typeof options === 'function' ? options : callback;
    const signature: unknown = this.#key.sign(data, this.#hash);
    if (!Buffer.isBuffer(signature)) done?.(signature instanceof Error ? signature : new Error('the key does not sign'));
    else done?.(undefined, this.#key.type.startsWith('ecdsa-') ? fromDer(signature) : signature);
  }
}

/**
 * Converts an ECDSA signature from the DER of ssh2 to the form of RFC 5656 section 3.1.2. Both contain the same two
 * integers.
 */
function fromDer(der: Buffer): Buffer {
  const parts: Buffer[] = [];
  // A SEQUENCE of INTEGERs. From 128 bytes on, the length of the sequence takes two bytes.
  let at = der.readUInt8(1) > 0x7f ? 3 : 2;
  while (at < der.length) {
    const length = der.readUInt8(at + 1);
    parts.push(wireString(der.subarray(at + 2, at + 2 + length)));
    at += 2 + length;
  }
  return Buffer.concat(parts);
}

const USERAUTH_REQUEST = 50;

interface PacketWriter {
  readonly allocStart: number;
  alloc(size: number): Buffer;
  finalize(packet: Buffer, force?: boolean): Buffer;
}

/**
 * Makes a client write logins with a certificate in the form that sshd requires. ssh2 writes the algorithm of the
 * request into the signature too. With a certificate the two algorithms differ, and sshd refuses the login ("key type
 * does not match"). ssh2 has no public option for this, so the packets are changed before they are encrypted. Call it
 * before `connect`. A client whose packet writer is not recognized emits an error.
 */
export function mendCertificateLogins(client: Client): void {
  // The handshake replaces the packet writer, and logins come after it.
  client.once('handshake', () => {
    const writer = writerOf(client);
    if (writer === undefined) client.emit('error', new Error('this version of ssh2 cannot be taught certificates'));
    else mendRequests(writer);
  });
}

function writerOf(client: Client): PacketWriter | undefined {
  const protocol: unknown = Reflect.get(client, '_protocol');
  const packets: unknown = typeof protocol === 'object' && protocol !== null ? Reflect.get(protocol, '_packetRW') : undefined;
  const writer: unknown = typeof packets === 'object' && packets !== null ? Reflect.get(packets, 'write') : undefined;
  return isPacketWriter(writer) ? writer : undefined;
}

function mendRequests(writer: PacketWriter): void {
  const finalize = writer.finalize.bind(writer);
  writer.finalize = (packet, force) => {
    const mended = mendRequest(packet.subarray(writer.allocStart));
    if (mended === undefined) return finalize(packet, force);
    const other = writer.alloc(mended.length);
    mended.copy(other, writer.allocStart);
    return finalize(other, force);
  };
}

function isPacketWriter(value: unknown): value is PacketWriter {
  return (
    typeof value === 'object' &&
    value !== null &&
    'allocStart' in value &&
    typeof value.allocStart === 'number' &&
    'alloc' in value &&
    typeof value.alloc === 'function' &&
    'finalize' in value &&
    typeof value.finalize === 'function'
  );
}

/**
 * Changes a login request (RFC 4252 section 7): the signature names the algorithm of the key that the certificate is
 * for. Returns undefined for other messages.
 */
function mendRequest(payload: Buffer): Buffer | undefined {
  if (payload[0] !== USERAUTH_REQUEST) return undefined;
  const reader = new WireReader(payload.subarray(1));
  const head = [reader.string(), reader.string(), reader.string()];
  if (head[2]?.toString('latin1') !== 'publickey' || reader.byte() !== 1) return undefined;
  const algorithm = reader.string();
  const name = algorithm.toString('latin1');
  if (!name.endsWith(SUFFIX)) return undefined;
  const certificate = reader.string();
  const signature = new WireReader(reader.string());
  signature.string();
  const mended = Buffer.concat([wireString(name.slice(0, -SUFFIX.length)), wireString(signature.string())]);
  return Buffer.concat([
    Buffer.from([USERAUTH_REQUEST]),
    ...head.map(wireString),
    Buffer.from([1]),
    ...[algorithm, certificate, mended].map(wireString),
  ]);
}
