import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

export interface CutOptions {
  /** Directory of volume n. It is made when it does not exist. */
  readonly directoryOf: (number: number) => string;
  readonly sidecars?: boolean;
}

/** Cuts a file into volumes as `split` would. Returns their paths. */
export function cutIntoVolumes(file: string, size: number, { directoryOf, sidecars = false }: CutOptions): string[] {
  const bytes = readFileSync(file);
  const count = Math.ceil(bytes.length / size);
  const width = Math.max(3, String(count).length);
  return Array.from({ length: count }, (_, index) => {
    const directory = directoryOf(index + 1);
    mkdirSync(directory, { recursive: true });
    const path = join(directory, `${basename(file)}.${String(index + 1).padStart(width, '0')}`);
    const part = bytes.subarray(index * size, (index + 1) * size);
    writeFileSync(path, part);
    if (sidecars)
      writeFileSync(path.replace(/\.(\d+)$/, '-$1.sha256'), `${createHash('sha256').update(part).digest('hex')}  ${basename(path)}\n`);
    return path;
  });
}
