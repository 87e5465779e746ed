/** Bytes of content that are given at once. */
const PIECE = 64 * 1024;
const HEADER = 13;
const UNKNOWN_SIZE = 0xffff_ffff_ffff_ffffn;
const HALF = 1024;
/** States of the literal, and the number of them (LZMA specification, "state"). */
const LITERAL_STATES = 7;
const STATES = 12;

/**
 * The content of a file of the old lzma program (7-zip.org/sdk.html, lzma-specification.txt), in pieces, for at most one byte
 * over `limit`. Throws an Error for damaged or truncated input.
 */
export function* lzmaChunks(bytes: Uint8Array, limit: number): Generator<Uint8Array> {
  const input = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (input.byteLength < HEADER) throw new Error('the header is cut short');
  const properties = input.readUInt8(0);
  const size = input.readBigUInt64LE(5);
  if (properties >= 9 * 5 * 5) throw new Error('the properties are none');
  const decoder = new Decoder(input.subarray(HEADER), {
    literalContext: properties % 9,
    literalPosition: Math.floor(properties / 9) % 5,
    position: Math.floor(properties / 45),
  });
  const wanted = size === UNKNOWN_SIZE || size > BigInt(limit) ? limit + 1 : Number(size);
  const window = new Window(Math.min(Math.max(input.readUInt32LE(1), 4096), wanted));
  while (window.written < wanted) {
    const isEnd = decoder.step(window, wanted);
    if (window.isPieceReady()) yield window.takePiece();
    if (!isEnd) continue;
    if (size !== UNKNOWN_SIZE) throw new Error('it ends before its size');
    break;
  }
  yield window.takePiece();
}

/** The bytes that were written last, for matches to repeat, and those of them that were not given out yet. */
class Window {
  readonly #ring: Uint8Array;
  #piece: Uint8Array = new Uint8Array(PIECE + 273);
  #pieceLength = 0;
  #at = 0;
  written = 0;

  constructor(size: number) {
    this.#ring = new Uint8Array(Math.max(size, 1));
  }

  put(byte: number): void {
    this.#ring[this.#at] = byte;
    this.#at = this.#at + 1 === this.#ring.length ? 0 : this.#at + 1;
    this.#piece[this.#pieceLength++] = byte;
    this.written += 1;
  }

  /** The byte that was written `distance` bytes ago; 1 is the last one. */
  back(distance: number): number {
    if (distance > this.written || distance > this.#ring.length) throw new Error('it repeats what is not there');
    const at = this.#at - distance;
    return this.#ring[at < 0 ? at + this.#ring.length : at] ?? 0;
  }

  isPieceReady(): boolean {
    return this.#pieceLength >= PIECE;
  }

  takePiece(): Uint8Array {
    const piece = this.#piece.subarray(0, this.#pieceLength);
    this.#piece = new Uint8Array(PIECE + 273);
    this.#pieceLength = 0;
    return piece;
  }
}

function probabilities(count: number): Uint16Array {
  return new Uint16Array(count).fill(HALF);
}

/** Bits out of a stream, by probabilities that learn from them. */
class RangeDecoder {
  readonly #input: Buffer;
  #at = 5;
  #range = 0xffff_ffff;
  #code: number;

  constructor(input: Buffer) {
    this.#input = input;
    if (input.readUInt8(0) !== 0) throw new Error('the stream does not begin with zero');
    this.#code = input.readUInt32BE(1);
  }

  bit(odds: Uint16Array, index: number): number {
    const chance = odds[index] ?? HALF;
    const bound = (this.#range >>> 11) * chance;
    let bit = 0;
    if (this.#code < bound) {
      this.#range = bound;
      odds[index] = chance + ((2048 - chance) >> 5);
    } else {
      this.#range -= bound;
      this.#code -= bound;
      odds[index] = chance - (chance >> 5);
      bit = 1;
    }
    this.#normalize();
    return bit;
  }

  direct(count: number): number {
    let value = 0;
    for (let left = count; left > 0; left -= 1) {
      this.#range >>>= 1;
      const bit = this.#code >= this.#range ? 1 : 0;
      if (bit === 1) this.#code -= this.#range;
      value = value * 2 + bit;
      this.#normalize();
    }
    return value;
  }

  tree(odds: Uint16Array, start: number, bits: number): number {
    let node = 1;
    for (let left = bits; left > 0; left -= 1) node = (node << 1) | this.bit(odds, start + node);
    return node - (1 << bits);
  }

  reverseTree(odds: Uint16Array, start: number, bits: number): number {
    let node = 1;
    let value = 0;
    for (let index = 0; index < bits; index += 1) {
      const bit = this.bit(odds, start + node);
      node = (node << 1) | bit;
      value |= bit << index;
    }
    return value;
  }

  #normalize(): void {
    if (this.#range >= 0x0100_0000) return;
    if (this.#at >= this.#input.byteLength) throw new Error('it is cut short');
    this.#range = (this.#range << 8) >>> 0;
    this.#code = ((this.#code << 8) | this.#input.readUInt8(this.#at)) >>> 0;
    this.#at += 1;
  }
}

class LengthDecoder {
  readonly #choice = probabilities(2);
  readonly #low = probabilities(16 * 8);
  readonly #middle = probabilities(16 * 8);
  readonly #high = probabilities(256);

  read(range: RangeDecoder, position: number): number {
    if (range.bit(this.#choice, 0) === 0) return 2 + range.tree(this.#low, position * 8, 3);
    if (range.bit(this.#choice, 1) === 0) return 10 + range.tree(this.#middle, position * 8, 3);
    return 18 + range.tree(this.#high, 0, 8);
  }
}

interface Properties {
  readonly literalContext: number;
  readonly literalPosition: number;
  readonly position: number;
}

class Decoder {
  readonly #range: RangeDecoder;
  readonly #properties: Properties;
  readonly #literals: Uint16Array;
  readonly #isMatch = probabilities(STATES * 16);
  readonly #isRepeat = probabilities(STATES);
  readonly #isRepeat0 = probabilities(STATES);
  readonly #isRepeat1 = probabilities(STATES);
  readonly #isRepeat2 = probabilities(STATES);
  readonly #isShort = probabilities(STATES * 16);
  readonly #slots = probabilities(4 * 64);
  readonly #special = probabilities(128);
  readonly #align = probabilities(16);
  readonly #matchLength = new LengthDecoder();
  readonly #repeatLength = new LengthDecoder();
  #state = 0;
  #distances: readonly [number, number, number, number] = [1, 1, 1, 1];

  constructor(input: Buffer, properties: Properties) {
    this.#range = new RangeDecoder(input);
    this.#properties = properties;
    this.#literals = probabilities(0x300 << (properties.literalContext + properties.literalPosition));
  }

  /** Decodes one literal or match; true at the mark of the end. */
  step(window: Window, wanted: number): boolean {
    const position = window.written & ((1 << this.#properties.position) - 1);
    if (this.#range.bit(this.#isMatch, this.#state * 16 + position) === 0) {
      window.put(this.#literal(window));
      this.#state = this.#state < 4 ? 0 : this.#state < 10 ? this.#state - 3 : this.#state - 6;
      return false;
    }
    const length = this.#match(position);
    if (length === undefined) return true;
    for (let left = Math.min(length, wanted - window.written); left > 0; left -= 1) window.put(window.back(this.#distances[0]));
    return false;
  }

  #literal(window: Window): number {
    const { literalContext, literalPosition } = this.#properties;
    const before = window.written === 0 ? 0 : window.back(1);
    const context = ((window.written & ((1 << literalPosition) - 1)) << literalContext) + (before >> (8 - literalContext));
    const start = 0x300 * context;
    let symbol = 1;
    if (this.#state >= LITERAL_STATES) {
      let matched = window.back(this.#distances[0]);
      while (symbol < 0x100) {
        const expected = (matched >> 7) & 1;
        matched <<= 1;
        const bit = this.#range.bit(this.#literals, start + ((1 + expected) << 8) + symbol);
        symbol = (symbol << 1) | bit;
        if (bit !== expected) break;
      }
    }
    while (symbol < 0x100) symbol = (symbol << 1) | this.#range.bit(this.#literals, start + symbol);
    return symbol & 0xff;
  }

  /** The length of a match, whose distance is the first one afterwards; undefined for the mark of the end. */
  #match(position: number): number | undefined {
    const range = this.#range;
    const state = this.#state;
    const [first, second, third, fourth] = this.#distances;
    const isAfterLiteral = state < LITERAL_STATES;
    if (range.bit(this.#isRepeat, state) === 0) {
      const length = this.#matchLength.read(range, position);
      this.#state = isAfterLiteral ? 7 : 10;
      const distance = this.#distance(length) + 1;
      if (distance === 2 ** 32) return undefined;
      this.#distances = [distance, first, second, third];
      return length;
    }
    if (range.bit(this.#isRepeat0, state) === 0) {
      if (range.bit(this.#isShort, state * 16 + position) === 0) {
        this.#state = isAfterLiteral ? 9 : 11;
        return 1;
      }
    } else if (range.bit(this.#isRepeat1, state) === 0) {
      this.#distances = [second, first, third, fourth];
    } else if (range.bit(this.#isRepeat2, state) === 0) {
      this.#distances = [third, first, second, fourth];
    } else {
      this.#distances = [fourth, first, second, third];
    }
    this.#state = isAfterLiteral ? 8 : 11;
    return this.#repeatLength.read(range, position);
  }

  #distance(length: number): number {
    const slot = this.#range.tree(this.#slots, Math.min(length - 2, 3) * 64, 6);
    if (slot < 4) return slot;
    const bits = (slot >> 1) - 1;
    const base = (2 | (slot & 1)) * 2 ** bits;
    if (slot < 14) return base + this.#range.reverseTree(this.#special, base - slot, bits);
    return base + this.#range.direct(bits - 4) * 16 + this.#range.reverseTree(this.#align, 0, 4);
  }
}
