import { basename, dirname, join } from 'node:path';

/** The path of one volume, taken apart: `/mnt/a/x.tar.002` is number 2 of `x.tar`. */
export interface VolumePath {
  readonly path: string;
  readonly directory: string;
  /** Name of the bundle: the name of a volume without its number. */
  readonly whole: string;
  readonly number: number;
  /** Digits of the number; the same in all volumes of a bundle, so that names sort as numbers do. */
  readonly width: number;
}

/** Most volumes: a number has at most four digits, so that a shell sorts the names. */
export const MOST_VOLUMES = 9999;
const FEWEST_DIGITS = 3;

/** Undefined for the path of anything else. */
export function parseVolumePath(path: string): VolumePath | undefined {
  const [, whole, digits] = /^(.+)\.(\d{3,4})$/.exec(basename(path)) ?? [];
  if (whole === undefined || digits === undefined || Number(digits) === 0) return undefined;
  return { path, directory: dirname(path), whole, number: Number(digits), width: digits.length };
}

/** The name of a bundle: that of its file, or of its volumes without their number. */
export function wholeName(path: string): string {
  return parseVolumePath(path)?.whole ?? basename(path);
}

/** Path of volume `number`, the first being 1, of a file that is cut into `count`. */
export function volumePath(whole: string, number: number, count: number): string {
  return `${whole}.${String(number).padStart(Math.max(FEWEST_DIGITS, String(count).length), '0')}`;
}

/** Path of another volume of the same bundle, in the same directory. */
export function siblingVolume({ directory, whole, width }: VolumePath, number: number): string {
  return join(directory, `${whole}.${String(number).padStart(width, '0')}`);
}

/**
 * Where the digest of a volume is written, in the format of sha256sum: `x.tar-002.sha256`. The name does not begin as those
 * of volumes do, so that `cat x.tar.*` joins volumes and nothing else.
 */
export function sidecarPath(volume: string): string {
  return `${volume.replace(/\.(\d+)$/, '-$1')}.sha256`;
}
