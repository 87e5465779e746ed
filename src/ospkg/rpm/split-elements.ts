import { CaissonError } from '../../core/index.ts';

/** Most bytes of one element: packages of kernels and fonts have some hundred thousand. */
const ELEMENT_LIMIT = 64 * 2 ** 20;

const START = Buffer.from('<package');
const END = Buffer.from('</package>');
/** Bytes that follow the name in a tag: white space, and the end of the tag. */
const AFTER_NAME: ReadonlySet<number | undefined> = new Set([0x20, 0x09, 0x0a, 0x0d, 0x3e]);

/** One `package` element of a stream, with its place in it. */
export interface ElementSlice {
  readonly offset: number;
  readonly bytes: Buffer;
}

/**
 * Cuts the `package` elements out of a list of packages, which may be larger than memory. `what` names it in messages. Throws
 * REPOSITORY_INVALID when one has no end.
 */
export async function* splitPackageElements(chunks: AsyncIterable<Buffer>, what: string): AsyncGenerator<ElementSlice> {
  let rest: Buffer = Buffer.alloc(0);
  let offset = 0;
  let searched = 0;
  for await (const chunk of chunks) {
    rest = rest.byteLength === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    for (;;) {
      const start = startIn(rest, at);
      if (start < 0) {
        at = Math.max(at, rest.byteLength - START.byteLength);
        searched = 0;
        break;
      }
      at = start;
      const end = rest.indexOf(END, Math.max(start, searched));
      if (end < 0) {
        searched = Math.max(0, rest.byteLength - END.byteLength - start);
        break;
      }
      const stop = end + END.byteLength;
      yield { offset: offset + start, bytes: rest.subarray(start, stop) };
      at = stop;
      searched = 0;
    }
    offset += at;
    rest = rest.subarray(at);
    if (rest.byteLength > ELEMENT_LIMIT)
      throw new CaissonError('LIMIT_EXCEEDED', `Cannot read "${what}": one of its packages is too large`);
  }
  if (startIn(Buffer.concat([rest, Buffer.from('>')]), 0) >= 0) {
    throw new CaissonError('REPOSITORY_INVALID', `Cannot use "${what}": its last package has no end`, {
      hint: 'The repository is damaged: try another mirror',
    });
  }
}

/** `<package` and not `<packager>`; the byte behind it must be there to tell. */
function startIn(bytes: Buffer, from: number): number {
  for (let at = bytes.indexOf(START, from); at >= 0; at = bytes.indexOf(START, at + 1)) {
    const next = bytes[at + START.byteLength];
    if (AFTER_NAME.has(next)) return at;
    if (next === undefined) return -1;
  }
  return -1;
}
