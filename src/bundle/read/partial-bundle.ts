import { isThere, readTarHeader, SharedFile, TAR_BLOCK } from '../../io/index.ts';
import { BUNDLE_JSON_STEP } from '../format/canonical-manifest.ts';
import { BUNDLE_JSON_LIMIT } from '../format/manifest-schema.ts';
import { SHA256SUMS } from '../format/member-path.ts';
import { partialPath, UNFINISHED } from '../format/unfinished.ts';
import { BundleReader, damaged, planOf, readBundleJson } from './reader.ts';

/**
 * Opens what a BundleWriter has of a bundle, whether the writer still runs or not: the list of members is whole, and so are
 * the members that the plan knew; every other member may lack bytes, so its digest must be checked or the writer asked.
 * Stays open when the bundle gets its name. Undefined when nothing was begun. Throws INPUT_UNREADABLE and BUNDLE_DAMAGED.
 */
export async function openPartialBundle(output: string): Promise<BundleReader | undefined> {
  const path = partialPath(output);
  if (!(await isThere(path))) return undefined;
  const file = await SharedFile.openGrowing(path);
  try {
    const plan = planOf(await readPartialJson(file), path);
    if (file.size !== plan.size) throw damaged(path, `it has ${file.size} bytes, want ${plan.size}`);
    return new BundleReader(file, plan);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The bytes of bundle.json. Its own header is written last, so its size follows from where the next header is. */
async function readPartialJson(file: SharedFile): Promise<Buffer> {
  const isUnfinished = file.size >= TAR_BLOCK && (await file.read(0, TAR_BLOCK)).equals(UNFINISHED);
  if (!isUnfinished) return readBundleJson(file);
  for (let size = BUNDLE_JSON_STEP; size <= BUNDLE_JSON_LIMIT && 2 * TAR_BLOCK + size <= file.size; size += BUNDLE_JSON_STEP) {
    const next = readTarHeader(await file.read(TAR_BLOCK + size, TAR_BLOCK));
    if (typeof next !== 'string' && next.path === SHA256SUMS) return file.read(TAR_BLOCK, size);
  }
  throw damaged(file.path, 'no list of members is in it');
}
