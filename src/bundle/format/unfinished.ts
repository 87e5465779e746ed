import { CaissonError } from '../../core/index.ts';
import { TAR_BLOCK, type SharedFile } from '../../io/index.ts';

const TEXT = 'caisson: this bundle is being built and is not complete\n';

/** The first block of a partial file. The header of the first member replaces it once all other bytes are on disk. */
export const UNFINISHED = Buffer.alloc(TAR_BLOCK);
UNFINISHED.write(TEXT);

/** Throws BUNDLE_INCOMPLETE for a file that its builder did not finish, also when the file was renamed. */
export async function refuseUnfinished(file: SharedFile): Promise<void> {
  if (file.size < UNFINISHED.byteLength || !(await file.read(0, UNFINISHED.byteLength)).equals(UNFINISHED)) return;
  throw new CaissonError('BUNDLE_INCOMPLETE', `Cannot open "${file.path}": it is a bundle that was not built to its end`, {
    hint: 'Run the build-bundle command that writes it again: it goes on where it stopped, and gives the bundle its name',
  });
}

/** Ending of the name of a bundle, or of a volume, that is not whole yet. */
export const PARTIAL = '.partial';

/** Path of a bundle that is not whole yet. */
export function partialPath(path: string): string {
  return `${path}${PARTIAL}`;
}
