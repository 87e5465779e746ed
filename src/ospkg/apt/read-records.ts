import { fullRecord, type AptPackage, type PackageOrigin } from './apt-package.ts';
import type { ListedRecord } from './apt-record.ts';

/**
 * The whole records of chosen packages. An index keeps no paragraphs, which are four fifths of it: each Packages file that has
 * chosen packages is decompressed once more, up to the last of them. Throws REPOSITORY_INVALID for a paragraph that is not
 * UTF-8.
 */
export async function readRecords(chosen: Iterable<AptPackage>, signal?: AbortSignal): Promise<ReadonlyMap<AptPackage, ListedRecord>> {
  const byOrigin = new Map<PackageOrigin, AptPackage[]>();
  for (const found of chosen) {
    const { origin } = found.place;
    const others = byOrigin.get(origin);
    if (others === undefined) byOrigin.set(origin, [found]);
    else others.push(found);
  }
  const records = new Map<AptPackage, ListedRecord>();
  for (const [origin, packages] of byOrigin) {
    signal?.throwIfAborted();
    packages.sort((a, b) => a.place.offset - b.place.offset);
    let index = 0;
    for await (const paragraph of cutOut(
      origin.reopen(),
      packages.map(({ place }) => place),
    )) {
      const found = packages[index++];
      if (found !== undefined) records.set(found, fullRecord(found, paragraph));
    }
    if (index < packages.length) throw new Error(`"${origin.what}" is shorter than when it was first read`);
  }
  return records;
}

/** Cuts the wanted parts, which are in order and do not overlap, out of a stream. */
async function* cutOut(
  chunks: AsyncIterable<Buffer>,
  wanted: readonly { readonly offset: number; readonly length: number }[],
): AsyncGenerator<Buffer> {
  const waiting = [...wanted].reverse();
  let parts: Buffer[] = [];
  let position = 0;
  for await (const chunk of chunks) {
    const end = position + chunk.byteLength;
    for (let next = waiting.at(-1); next !== undefined && next.offset < end; next = waiting.at(-1)) {
      const stop = next.offset + next.length;
      parts.push(chunk.subarray(Math.max(next.offset - position, 0), stop - position));
      if (stop > end) break;
      yield Buffer.concat(parts);
      parts = [];
      waiting.pop();
    }
    if (waiting.length === 0) return;
    position = end;
  }
}
