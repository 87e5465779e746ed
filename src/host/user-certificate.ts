import { BaseAgent, utils, type Client, type ParsedKey, type SignCallback, type SigningRequestOptions } from 'ssh2';
import { WireReader, wireString } from '../sshsig/index.ts';

const SUFFIX = '-cert-v01@openssh.com';

/** By type of a certificate: the algorithm to log in with, and the hash that its signature needs. */
const ALGORITHMS: Readonly<Record<string, { readonly algorithm: string; readonly hash?: string }>> = {
  [`ssh-ed25519${SUFFIX}`]: { algorithm: `ssh-ed25519${SUFFIX}` },
  [`ecdsa-sha2-nistp256${SUFFIX}`]: { algorithm: `ecdsa-sha2-nistp256${SUFFIX}` },
  [`ecdsa-sha2-nistp384${SUFFIX}`]: { algorithm: `ecdsa-sha2-nistp384${SUFFIX}` },
  [`ecdsa-sha2-nistp521${SUFFIX}`]: { algorithm: `ecdsa-sha2-nistp521${SUFFIX}` },
  [`ssh-rsa${SUFFIX}`]: { algorithm: `rsa-sha2-512${SUFFIX}`, hash: 'sha512' },
};

/** The bytes of a certificate from the text of its file; undefined for anything else. */
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
 * Offers the certificate of a key (OpenSSH, PROTOCOL.certkeys). ssh2 knows no certificates, but takes from an agent what
 * key and what signature to send.
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

/** An ECDSA signature as RFC 5656 section 3.1.2 has it, from the DER that ssh2 makes: both are two integers. */
function fromDer(der: Buffer): Buffer {
  const parts: Buffer[] = [];
  // SEQUENCE, then INTEGERs; the length of the sequence takes two bytes from 128 on.
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
 * Has a client write logins with a certificate as sshd wants them. ssh2 names the algorithm of the request in the
 * signature, too; with a certificate these are two, and sshd refuses it ("key type does not match"). It has no public way
 * to say so: its packets are mended before they are encrypted. Call it before `connect`; a client that writes packets in
 * another way emits an error.
 */
export function mendCertificateLogins(client: Client): void {
  // The writer of packets is made anew with the keys, and logins come after them.
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

/** RFC 4252 section 7, with a signature of the key that the certificate is for; undefined for any other message. */
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
