import { readdir, realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { CaissonError, hasCode } from '../../core/index.ts';
import { isThere, SharedFile } from '../../io/index.ts';
import { parseVolumePath, siblingVolume, volumePath, type VolumePath } from './volume-path.ts';
import { VolumesError, type VolumeProblem } from './volumes-error.ts';

/** Where a bundle is: its one file, or some of its volumes, beside which the others are looked for. */
export type BundleLocation = string | readonly string[];

/** Sorts paths by bundle: volumes of one name belong together, also from different directories. */
export function groupVolumes(paths: readonly string[]): readonly (readonly [string, ...string[]])[] {
  const groups = new Map<string, [string, ...string[]]>();
  for (const [index, path] of paths.entries()) {
    const volume = parseVolumePath(path);
    const key = volume === undefined ? `file ${index}` : `volumes ${volume.width} ${volume.whole}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [path]);
    else group.push(path);
  }
  return [...groups.values()];
}

/**
 * Opens the one file of a bundle, or all its volumes as one file. Throws INPUT_UNREADABLE, and VolumesError for a volume
 * that is missing or there twice, as far as their numbers tell.
 */
export async function openBundleFile(location: BundleLocation): Promise<SharedFile> {
  const paths = typeof location === 'string' ? [location] : location;
  const [first, ...more] = paths;
  if (first === undefined) throw new CaissonError('USAGE', 'Cannot open a bundle: none is named');
  const volumes = paths.map(parseVolumePath).filter((volume) => volume !== undefined);
  const [volume] = volumes;
  if (volume !== undefined && volumes.length === paths.length) {
    const [head, ...tail] = await findVolumes(volume, volumes);
    return SharedFile.open(head, ...tail);
  }
  if (more.length > 0) throw new CaissonError('USAGE', `Cannot open ${paths.map((path) => `"${path}"`).join(', ')} as one bundle`);
  return SharedFile.open(first).catch(async (error: unknown) => {
    const volume1 = volumePath(first, 1, 1);
    if (!hasCode(error, 'INPUT_UNREADABLE') || !(await isThere(volume1))) throw error;
    throw new CaissonError('INPUT_UNREADABLE', error.message, { cause: error, hint: `Its volumes are there: name "${volume1}"` });
  });
}

/** Paths of all volumes, in order. A volume in `named` wins over one that lies beside another. */
async function findVolumes(like: VolumePath, named: readonly VolumePath[]): Promise<readonly [string, ...string[]]> {
  const found = new Map<number, VolumePath>();
  const problems: VolumeProblem[] = [];
  const add = async (volume: VolumePath): Promise<void> => {
    const other = found.get(volume.number);
    if (other === undefined) found.set(volume.number, volume);
    else if (!(await isSame(other.path, volume.path))) {
      problems.push({ volume: volume.path, reason: `it is there twice: also as "${other.path}"; name the one that is meant` });
    }
  };
  for (const volume of named) await add(volume);
  const explicit = new Set(found.keys());
  for (const directory of new Set(named.map((volume) => volume.directory))) {
    for (const volume of await volumesIn(directory, like)) if (!explicit.has(volume.number)) await add(volume);
  }
  problems.push(...missingBetween(like, found));
  const paths = [...found.values()].sort((left, right) => left.number - right.number).map(({ path }) => path);
  const [first, ...others] = paths;
  if (problems.length > 0 || first === undefined) throw new VolumesError(like.whole, problems);
  return [first, ...others];
}

async function volumesIn(directory: string, { whole, width }: VolumePath): Promise<readonly VolumePath[]> {
  const names = await readdir(directory).catch((error: unknown) => {
    throw new CaissonError('INPUT_UNREADABLE', `Cannot look for the volumes of "${whole}" in "${directory}"`, { cause: error });
  });
  return names
    .map((name) => parseVolumePath(join(directory, name)))
    .filter((volume) => volume?.whole === whole && volume.width === width)
    .filter((volume) => volume !== undefined)
    .sort((left, right) => left.number - right.number);
}

/** Numbers before the highest that are not there; many in a row are one problem. */
function missingBetween(like: VolumePath, found: ReadonlyMap<number, VolumePath>): readonly VolumeProblem[] {
  const problems: VolumeProblem[] = [];
  let next = 1;
  for (const number of [...found.keys()].sort((left, right) => left - right)) {
    if (number > next) problems.push(missing(like, next, number - 1));
    next = number + 1;
  }
  return problems;
}

function missing(like: VolumePath, first: number, last: number): VolumeProblem {
  const volume = siblingVolume(like, first);
  const reason = first === last ? 'it is missing' : `it is missing, and so is everything up to "${basename(siblingVolume(like, last))}"`;
  return { volume, reason };
}

async function isSame(left: string, right: string): Promise<boolean> {
  const [one, other] = await Promise.all([left, right].map((path) => realpath(path).catch(() => path)));
  return one === other;
}
