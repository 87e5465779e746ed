import { CaissonError } from '../../core/index.ts';

/**
 * The parts of a package file (rpm's manual, "Package format"): a lead, a header with signatures, the header of the package, and
 * its payload.
 */
export interface RpmFile {
  /** The bytes of the package's own header, which signatures of version 4 are over. */
  readonly header: Buffer;
  /** Header and payload, which older signatures are over. */
  readonly headerAndPayload: Buffer;
  readonly payload: Buffer;
  /** OpenPGP signatures over the header alone. */
  readonly headerSignatures: readonly Buffer[];
  /** OpenPGP signatures over header and payload. */
  readonly wholeSignatures: readonly Buffer[];
  readonly name: string;
  readonly version: string;
  readonly release: string;
  readonly epoch: number;
  readonly architecture: string;
  /** SHA-256 of the payload, in hexadecimal digits, where the header has it. */
  readonly payloadDigest: string | undefined;
}

const LEAD = 96;
const LEAD_MAGIC = 0xedabeedb;
const HEADER_MAGIC = 0x8eade801;
const INTRO = 16;
const ENTRY = 16;

/** Most entries and bytes of a header, as rpm itself bounds them (headers.c). */
const ENTRY_LIMIT = 0xffff;
const DATA_LIMIT = 256 * 2 ** 20;

/** Tags of the header with signatures. */
const HEADER_SIGNATURES = [267, 268];
const WHOLE_SIGNATURES = [1002, 1005];

const TAG = {
  name: 1000,
  version: 1001,
  release: 1002,
  epoch: 1003,
  architecture: 1022,
  payloadDigest: 5092,
  payloadDigestAlgorithm: 5093,
};

/** Types of entries. */
const INT32 = 4;
const STRING = 6;
const BINARY = 7;
const STRING_ARRAY = 8;

/** Number of SHA-256 in OpenPGP (RFC 9580, 9.5). */
const SHA256 = 8;

interface Entry {
  readonly type: number;
  readonly offset: number;
  readonly count: number;
}

interface Header {
  readonly end: number;
  readonly entries: ReadonlyMap<number, Entry>;
  readonly data: Buffer;
}

/** Takes a package file apart. Throws REPOSITORY_INVALID, naming `what`, for everything that is none. */
export function parseRpmFile(bytes: Buffer, what: string): RpmFile {
  const fault = (reason: string): CaissonError => new CaissonError('REPOSITORY_INVALID', `Cannot read package "${what}": ${reason}`);
  if (bytes.byteLength < LEAD + INTRO || bytes.readUInt32BE(0) !== LEAD_MAGIC) throw fault('it is no rpm package');
  const signatures = readHeader(bytes, LEAD, fault);
  const start = signatures.end + ((8 - (signatures.end % 8)) % 8);
  const header = readHeader(bytes, start, fault);
  const binaries = (tags: readonly number[]): readonly Buffer[] => tags.flatMap((tag) => binaryOf(signatures, tag, fault) ?? []);
  const text = (tag: number): string => {
    const found = textOf(header, tag, fault);
    if (found === undefined) throw fault(`it has no tag ${tag}`);
    return found;
  };
  return {
    header: bytes.subarray(start, header.end),
    headerAndPayload: bytes.subarray(start),
    payload: bytes.subarray(header.end),
    headerSignatures: binaries(HEADER_SIGNATURES),
    wholeSignatures: binaries(WHOLE_SIGNATURES),
    name: text(TAG.name),
    version: text(TAG.version),
    release: text(TAG.release),
    epoch: numberOf(header, TAG.epoch, fault) ?? 0,
    architecture: text(TAG.architecture),
    payloadDigest: numberOf(header, TAG.payloadDigestAlgorithm, fault) === SHA256 ? textOf(header, TAG.payloadDigest, fault) : undefined,
  };
}

type Fault = (reason: string) => CaissonError;

function readHeader(bytes: Buffer, start: number, fault: Fault): Header {
  if (start + INTRO > bytes.byteLength || bytes.readUInt32BE(start) !== HEADER_MAGIC) throw fault('one of its headers is missing');
  const count = bytes.readUInt32BE(start + 8);
  const size = bytes.readUInt32BE(start + 12);
  const data = start + INTRO + count * ENTRY;
  if (count === 0 || count > ENTRY_LIMIT || size > DATA_LIMIT || data + size > bytes.byteLength)
    throw fault('one of its headers is cut short');
  const entries = new Map<number, Entry>();
  for (let at = start + INTRO; at < data; at += ENTRY) {
    const entry = { type: bytes.readUInt32BE(at + 4), offset: bytes.readUInt32BE(at + 8), count: bytes.readUInt32BE(at + 12) };
    const tag = bytes.readUInt32BE(at);
    if (entry.offset > size) throw fault(`tag ${tag} is outside of its header`);
    if (entries.has(tag)) throw fault(`tag ${tag} is there twice`);
    entries.set(tag, entry);
  }
  return { end: data + size, entries, data: bytes.subarray(data, data + size) };
}

function binaryOf({ entries, data }: Header, tag: number, fault: Fault): Buffer | undefined {
  const entry = entries.get(tag);
  if (entry === undefined) return undefined;
  if (entry.type !== BINARY || entry.offset + entry.count > data.byteLength) throw fault(`tag ${tag} cannot be read`);
  return data.subarray(entry.offset, entry.offset + entry.count);
}

function textOf({ entries, data }: Header, tag: number, fault: Fault): string | undefined {
  const entry = entries.get(tag);
  if (entry === undefined) return undefined;
  const end = data.indexOf(0, entry.offset);
  if ((entry.type !== STRING && entry.type !== STRING_ARRAY) || end < 0) throw fault(`tag ${tag} cannot be read`);
  return data.toString('utf8', entry.offset, end);
}

function numberOf({ entries, data }: Header, tag: number, fault: Fault): number | undefined {
  const entry = entries.get(tag);
  if (entry === undefined) return undefined;
  if (entry.type !== INT32 || entry.count !== 1 || entry.offset + 4 > data.byteLength) throw fault(`tag ${tag} cannot be read`);
  return data.readUInt32BE(entry.offset);
}
