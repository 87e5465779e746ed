import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/core/index.ts';
import { unionBlobs, unionCatalogs, unionTrees } from '../../src/depot/union.ts';
import { readLimited } from '../../src/io/index.ts';
import { MemoryBlobStore, memoryCatalog, memoryTree } from '../support/memory-store.ts';

const [a, b] = ['a', 'b'].map((text) => ({ mediaType: 'x/y', digest: digestOf(text), size: 1 })) as [Descriptor, Descriptor];
type Descriptor = { mediaType: string; digest: ReturnType<typeof digestOf>; size: number };

describe('unions', () => {
  it('find a blob in whichever store holds it', async () => {
    const [first, second] = [new MemoryBlobStore(), new MemoryBlobStore()];
    const digest = second.put('hello');
    const union = unionBlobs([first, second]);
    expect(await union.stat(digest)).toEqual({ size: 5 });
    expect((await readLimited(await union.open(digest, { start: 1, end: 3 }), 10, 'test')).toString()).toBe('el');
    expect(await union.stat(digestOf('absent'))).toBeUndefined();
    await expect(union.open(digestOf('absent'))).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
  });

  it('unite tags, and let the first catalog say what a tag is', () => {
    const union = unionCatalogs([
      memoryCatalog([{ repository: 'r/x', tag: 'v1', descriptor: a }]),
      memoryCatalog([
        { repository: 'r/x', tag: 'v1', descriptor: b, subject: a.digest },
        { repository: 'r/x', tag: 'v2', descriptor: b },
        { repository: 'q/y', descriptor: b },
      ]),
    ]);
    expect(union.repositories()).toEqual(['q/y', 'r/x']);
    expect(union.tags('r/x')).toEqual(['v1', 'v2']);
    expect(union.tags('q/y')).toEqual([]);
    expect(union.tags('absent')).toBeUndefined();
    expect(union.find('r/x', 'v1')).toBe(a);
    expect(union.find('r/x', b.digest)).toBe(b);
    expect(union.referrers('r/x', a.digest)).toEqual([b]);
  });

  it('unite directories, and let the first tree say what a file is', async () => {
    const union = unionTrees([memoryTree({ 'd/x': 'first' }), memoryTree({ 'd/x': 'second', 'd/y': 'y' })]);
    expect(await union.list('d')).toEqual(['x', 'y']);
    expect((await readLimited(await union.open('d/x'), 10, 'test')).toString()).toBe('first');
    expect(await union.stat('d/z')).toBeUndefined();
    await expect(union.open('d/z')).rejects.toMatchObject({ code: 'FILE_UNKNOWN' });
  });
});
