import { asDelta } from '../../src/builder/bases.ts';
import { blobPath, closeBundles, heldBundles, openBundle, type PlannedFile } from '../../src/bundle/index.ts';
import { digestOf } from '../../src/core/index.ts';
import { smallBundle, writeSmallBundle, type SmallBundle } from './small-bundle.ts';

/** A later version of the small bundle, with one more blob for each word. */
export function newerBundle(version: string, words: readonly string[]): SmallBundle {
  const { input, contents } = smallBundle({ version });
  const blobs = words.map((word) => Buffer.from(word.repeat(1000)));
  const files = blobs.map((bytes): PlannedFile => {
    const digest = digestOf(bytes);
    return { path: blobPath(digest), kind: 'blob', size: bytes.length, digest, mode: 0o644, origin: 'registry.example' };
  });
  return {
    input: { ...input, files: [...input.files, ...files] },
    contents: new Map([...contents, ...blobs.map((bytes): [string, Buffer] => [blobPath(digestOf(bytes)), bytes])]),
  };
}

/** Writes a delta on the bundles at the paths in `bases`. Returns `output`. */
export async function writeDelta(output: string, bundle: SmallBundle, bases: readonly string[]): Promise<string> {
  const readers = await Promise.all(bases.map((path) => openBundle(path)));
  try {
    await writeSmallBundle(output, { ...bundle, input: asDelta(bundle.input, heldBundles(readers)) });
    return output;
  } finally {
    await closeBundles(readers);
  }
}
