import { createHash } from 'node:crypto';
import { createMessage, readPrivateKey, sign } from 'openpgp';

export interface MadePackage {
  readonly name: string;
  readonly version: string;
  readonly release: string;
  readonly architecture: string;
  readonly epoch?: number;
  /** The bytes that stand for its files. */
  readonly payload?: string;
}

type Value = string | number | Buffer;

/** A package file with the tags that name it and its payload, signed over its header; without a key it is not signed. */
export async function makeRpm(item: MadePackage, privateKey?: string): Promise<Buffer> {
  const payload = Buffer.from(item.payload ?? item.name);
  const header = headerOf([
    [1000, 6, item.name],
    [1001, 6, item.version],
    [1002, 6, item.release],
    ...(item.epoch === undefined ? [] : [[1003, 4, item.epoch] as const]),
    [1022, 6, item.architecture],
    [5092, 8, createHash('sha256').update(payload).digest('hex')],
    [5093, 4, 8],
  ]);
  const signature = privateKey === undefined ? undefined : await signatureOf(header, privateKey);
  const signatures = headerOf([
    [273, 6, createHash('sha256').update(header).digest('hex')],
    ...(signature === undefined ? [] : [[268, 7, signature] as const]),
  ]);
  return Buffer.concat([lead(item), signatures, Buffer.alloc((8 - (signatures.byteLength % 8)) % 8), header, payload]);
}

async function signatureOf(content: Buffer, privateKey: string): Promise<Buffer> {
  const signed: unknown = await sign({
    message: await createMessage({ binary: Uint8Array.from(content) }),
    signingKeys: await readPrivateKey({ armoredKey: privateKey }),
    detached: true,
    format: 'binary',
    date: new Date('2026-01-02T03:04:05Z'),
    config: { nonDeterministicSignaturesViaNotation: false },
  });
  if (!(signed instanceof Uint8Array)) throw new Error('openpgp did not give bytes');
  return Buffer.from(signed);
}

function lead({ name, version, release }: MadePackage): Buffer {
  const bytes = Buffer.alloc(96);
  bytes.writeUInt32BE(0xedabeedb, 0);
  bytes.writeUInt8(3, 4);
  bytes.write(`${name}-${version}-${release}`.slice(0, 65), 10);
  bytes.writeUInt16BE(5, 78);
  return bytes;
}

function headerOf(entries: readonly (readonly [number, number, Value])[]): Buffer {
  let data = Buffer.alloc(0);
  const index = entries.map(([tag, type, value]) => {
    if (type === 4) data = Buffer.concat([data, Buffer.alloc((4 - (data.byteLength % 4)) % 4)]);
    const offset = data.byteLength;
    const bytes = bytesOf(value);
    data = Buffer.concat([data, bytes]);
    const entry = Buffer.alloc(16);
    [tag, type, offset, Buffer.isBuffer(value) ? value.byteLength : 1].forEach((number, place) => entry.writeUInt32BE(number, place * 4));
    return entry;
  });
  const intro = Buffer.alloc(16);
  intro.writeUInt32BE(0x8eade801, 0);
  intro.writeUInt32BE(entries.length, 8);
  intro.writeUInt32BE(data.byteLength, 12);
  return Buffer.concat([intro, ...index, data]);
}

function bytesOf(value: Value): Buffer {
  if (Buffer.isBuffer(value)) return value;
  if (typeof value === 'string') return Buffer.from(`${value}\0`);
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
