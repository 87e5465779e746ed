import { CaissonError, formatSize, hasCode, parseSize } from '../../core/index.ts';
import { MOST_VOLUMES, volumePath } from './volume-path.ts';

/** One file of a bundle that is written: it gets the bytes from `start` up to, not including, `end`. */
export interface OutputPart {
  readonly path: string;
  readonly start: number;
  readonly end: number;
}

/** Names of media, each with the size of the largest file that it holds in bytes. */
const NAMED_SIZES: ReadonlyMap<string, number> = new Map([
  // A file on FAT32 is one byte short of 4 GiB.
  ['fat32', 2 ** 32 - 1],
  // 2 295 104 sectors of 2048 bytes: all that a DVD+R has. A DVD-R has 6.6 MiB more, which its file system needs.
  ['dvd', 4_700_372_992],
]);

/** Parses "fat32", "dvd", "4GiB" or a number of bytes. Throws SIZE_INVALID. */
export function parseVolumeSize(text: string): number {
  const size = NAMED_SIZES.get(text) ?? sizeFrom(text);
  if (size >= 1) return size;
  throw new CaissonError('SIZE_INVALID', `Cannot cut a bundle into volumes of "${text}": it is less than a byte`);
}

function sizeFrom(text: string): number {
  try {
    return parseSize(text);
  } catch (error) {
    if (!hasCode(error, 'SIZE_INVALID')) throw error;
    const names = [...NAMED_SIZES.keys()].join(' or ');
    throw new CaissonError('SIZE_INVALID', error.message, { cause: error, hint: `Write ${names}, or a size such as 4GiB or 4700MB` });
  }
}

/** The files of a bundle of `size` bytes: one, or volumes of which all but the last are full. Throws SIZE_INVALID. */
export function outputParts(output: string, size: number, volumeSize?: number): readonly OutputPart[] {
  if (volumeSize === undefined) return [{ path: output, start: 0, end: size }];
  const count = Math.ceil(size / volumeSize);
  if (count > MOST_VOLUMES) {
    const message = `Cannot cut "${output}" into ${count} volumes: ${MOST_VOLUMES} are the most`;
    const smallest = Math.ceil(size / MOST_VOLUMES);
    throw new CaissonError('SIZE_INVALID', message, {
      hint: `It has ${formatSize(size)}: choose a --volume-size of ${smallest} bytes or more`,
    });
  }
  return Array.from({ length: count }, (_, index) => ({
    path: volumePath(output, index + 1, count),
    start: index * volumeSize,
    end: Math.min(size, (index + 1) * volumeSize),
  }));
}
