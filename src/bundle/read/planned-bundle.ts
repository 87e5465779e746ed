import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { CaissonError } from '../../core/index.ts';
import { readLimited } from '../../io/index.ts';
import type { BundlePlan } from '../format/plan.ts';
import { BundleReader, type BundleBytes } from './reader.ts';

/**
 * A bundle before its first byte is written: the contents that the plan knows, and members that are files of this machine
 * (`files`, by path of the member). `path` is its name in messages. Reading another member throws BUNDLE_INCOMPLETE.
 */
export function plannedBundle(plan: BundlePlan, path: string, files: ReadonlyMap<string, string>): BundleReader {
  const stream = (start: number, end: number): Readable => {
    if (start === end) return Readable.from([], { objectMode: false });
    const member = plan.members.find(({ offset, size }) => start >= offset && end <= offset + size);
    if (member === undefined) throw new RangeError(`bytes ${start} to ${end} of "${path}" are not in one member`);
    const [from, to] = [start - member.offset, end - member.offset];
    if (member.content !== undefined) return Readable.from([Buffer.from(member.content.subarray(from, to))], { objectMode: false });
    const file = files.get(member.path);
    if (file !== undefined) return createReadStream(file, { start: from, end: to - 1 });
    throw new CaissonError('BUNDLE_INCOMPLETE', `Cannot read "${member.path}" of "${path}": it was not fetched yet`);
  };
  const bytes: BundleBytes = {
    path,
    size: plan.size,
    parts: [],
    stream,
    read: async (start, length) => readLimited(stream(start, start + length), length, `"${path}"`),
    changed: async () => undefined,
    close: async () => {},
  };
  return new BundleReader(bytes, plan);
}
