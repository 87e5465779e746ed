import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { planBundle, plannedBundle } from '../../../src/bundle/index.ts';
import { smallBundle } from '../../support/small-bundle.ts';
import { useTempDir } from '../../support/temp-dir.ts';

const directory = useTempDir();
const { contents, input } = smallBundle();
const plan = planBundle(input);
const [blob = ''] = [...contents.keys()].filter((name) => name.startsWith('blobs/'));

describe('a bundle before its first byte is written', () => {
  it('has what the plan knows, and members that are files, whole and in parts', async () => {
    const bytes = contents.get(blob) ?? Buffer.alloc(0);
    const file = join(directory(), 'blob');
    await writeFile(file, bytes);
    const reader = plannedBundle(plan, 'lab.tar', new Map([[blob, file]]));
    const sums = await buffer(reader.open('SHA256SUMS'));
    expect(sums.toString()).toContain(blob);
    expect(await buffer(reader.open('SHA256SUMS', { start: 5, end: 64 }))).toEqual(sums.subarray(5, 64));
    expect(await buffer(reader.open(blob))).toEqual(bytes);
    expect(await buffer(reader.open(blob, { start: 3, end: 10 }))).toEqual(bytes.subarray(3, 10));
    expect(await buffer(reader.open(blob, { start: 3, end: 3 }))).toEqual(Buffer.alloc(0));
  });

  it('says of the others that they were not fetched, and reads no bytes between members', () => {
    const reader = plannedBundle(plan, 'lab.tar', new Map());
    expect(() => reader.open(blob)).toThrow(
      expect.objectContaining({ code: 'BUNDLE_INCOMPLETE', message: `Cannot read "${blob}" of "lab.tar": it was not fetched yet` }),
    );
    expect(() => reader.openFile()).toThrow(RangeError);
  });
});
