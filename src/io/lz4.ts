/** Block sizes by the number in the frame's descriptor. */
const BLOCK_SIZES: Readonly<Record<number, number>> = { 4: 64 * 1024, 5: 256 * 1024, 6: 1024 * 1024, 7: 4 * 1024 * 1024 };
const FRAME = 0x184d2204;
/** Matches reach back this far, also into the block before. */
const WINDOW = 64 * 1024;

/**
 * The content of LZ4 frames (github.com/lz4/lz4, doc/lz4_Frame_format.md), block by block. Checksums are skipped: callers
 * hold a digest against the file. Throws an Error for damaged or truncated input, and for frames that need a dictionary.
 */
export function* lz4Blocks(bytes: Uint8Array): Generator<Uint8Array> {
  const input = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < input.byteLength;) at = yield* frame(input, at);
}

function* frame(input: Buffer, start: number): Generator<Uint8Array, number> {
  const magic = input.readUInt32LE(start);
  if ((magic & 0xfffffff0) >>> 0 === 0x184d2a50) return start + 8 + input.readUInt32LE(start + 4);
  const flags = input.readUInt8(start + 4);
  const largest = BLOCK_SIZES[(input.readUInt8(start + 5) >> 4) & 7];
  if (magic !== FRAME || flags >> 6 !== 1 || (flags & 1) !== 0 || largest === undefined)
    throw new Error('it is not a frame that can be read');
  let at = start + 7 + ((flags & 8) === 0 ? 0 : 8);
  let before = Buffer.alloc(0);
  for (;;) {
    const word = input.readUInt32LE(at);
    at += 4;
    if (word === 0) break;
    const size = word & 0x7fffffff;
    const block = input.subarray(at, at + size);
    if (block.byteLength < size || size > largest) throw new Error('a block is cut short or too long');
    const content = word >>> 31 === 1 ? block : unpack(block, before, largest);
    yield content;
    before = Buffer.concat([before, content]).subarray(-WINDOW);
    at += size + ((flags & 16) === 0 ? 0 : 4);
  }
  return at + ((flags & 4) === 0 ? 0 : 4);
}

/** One compressed block (doc/lz4_Block_format.md): pieces to copy from the input, each followed by one to repeat. */
function unpack(block: Buffer, before: Buffer, largest: number): Buffer {
  const output = Buffer.allocUnsafe(before.byteLength + largest);
  before.copy(output);
  let end = before.byteLength;
  let at = 0;
  const length = (short: number): number => {
    let total = short;
    for (let more = short === 15 ? 255 : 0; more === 255; total += more) more = block.readUInt8(at++);
    return total;
  };
  while (at < block.byteLength) {
    const token = block.readUInt8(at++);
    const literals = length(token >> 4);
    if (at + literals > block.byteLength || end + literals > output.byteLength) throw new Error('a block holds more than it may');
    block.copy(output, end, at, at + literals);
    at += literals;
    end += literals;
    if (at === block.byteLength) break;
    const distance = block.readUInt16LE(at);
    at += 2;
    const matched = length(token & 15) + 4;
    if (distance === 0 || distance > end || end + matched > output.byteLength) throw new Error('a block repeats what is not there');
    // A match may overlap what it writes, so bytes are copied one by one.
    for (const stop = end + matched; end < stop; end += 1) output.writeUInt8(output.readUInt8(end - distance), end);
  }
  return output.subarray(before.byteLength, end);
}
