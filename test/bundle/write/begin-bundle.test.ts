import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { beginBundle, BundleWriter, missingMembers, openBundle, planBundle } from '../../../src/bundle/index.ts';
import { DigestMismatchError } from '../../../src/core/index.ts';
import { smallBundle } from '../../support/small-bundle.ts';
import { useTempDir } from '../../support/temp-dir.ts';

const directory = useTempDir();
const { contents, input } = smallBundle();
/** Its executable has a content that the plan knows, which no real one has. */
const plan = planBundle({ ...input, files: input.files.filter(({ kind }) => kind !== 'executable') });
const sizeOf = (path: string): number => contents.get(path)?.byteLength ?? 0;
const fetched = plan.members.filter(({ kind }) => kind === 'blob' || kind === 'package').map(({ path }) => path);
const total = fetched.reduce((sum, path) => sum + sizeOf(path), 0);
const [first = '', second = ''] = fetched;

/** A bundle that has been begun with one of its members. */
async function begun(): Promise<string> {
  const output = join(directory(), 'lab.tar');
  const file = join(directory(), 'member');
  await writeFile(file, contents.get(first) ?? '');
  await beginBundle(plan, output, new Map([[first, file]]));
  return output;
}

describe('a bundle that is begun', () => {
  it('lacks every member that it was given no file for', async () => {
    expect(await missingMembers(plan, await begun())).toEqual({ members: fetched.length - 1, bytes: total - sizeOf(first) });
  });

  it('is filled by a writer, and keeps what is there of a member that broke', async () => {
    const output = await begun();
    const writer = await BundleWriter.create(plan, output);
    const bytes = contents.get(second) ?? Buffer.alloc(0);
    const broken = Readable.from(
      (function* () {
        yield bytes.subarray(0, 10);
        throw new Error('connection reset');
      })(),
    );
    await expect(writer.fill({ path: second }, broken)).rejects.toThrow('connection reset');
    await writer.suspend();
    expect(await missingMembers(plan, output)).toEqual({ members: fetched.length - 1, bytes: total - sizeOf(first) - 10 });
    const next = await BundleWriter.create(plan, output);
    expect(next.pending().map(({ path }) => path)).not.toContain(first);
    for (const entry of next.pending()) await next.fill(entry, Readable.from([contents.get(entry.path) ?? Buffer.alloc(0)]));
    await next.finish();
    const reader = await openBundle(output);
    expect(reader.bundleDigest).toBe(plan.bundleDigest);
    await reader.close();
  });

  it('lacks everything where its journal is gone', async () => {
    const output = await begun();
    await rm(`${output}.partial.journal`);
    expect(await missingMembers(plan, output)).toEqual({ members: fetched.length, bytes: total });
  });

  it('refuses a file that is not the planned member', async () => {
    const file = join(directory(), 'other');
    await writeFile(file, 'something else');
    await expect(beginBundle(plan, join(directory(), 'lab.tar'), new Map([[first, file]]))).rejects.toThrow(DigestMismatchError);
  });
});
