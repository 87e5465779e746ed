import { basename } from 'node:path';
import type { FilePart, SharedFile } from '../../io/index.ts';
import type { Finding } from '../format/bundle-errors.ts';
import type { HashPoolOptions } from '../hash/hash-pool.ts';
import { hashVolumes, readSidecar } from '../volumes/sidecar.ts';
import { parseVolumePath } from '../volumes/volume-path.ts';

interface Stretch {
  readonly path: string;
  readonly headerOffset: number;
  readonly end: number;
}

/**
 * Adds to each finding the volumes that hold the member; of several members with one name, the first counts. When a
 * member lies in several volumes, these are read again and compared with the digests beside them, which leaves the
 * damaged ones. Findings about a bundle in one file are returned unchanged.
 */
export async function blameVolumes(
  file: SharedFile,
  findings: readonly Finding[],
  members: readonly Stretch[],
  options: Pick<HashPoolOptions, 'signal' | 'workers'>,
): Promise<Finding[]> {
  if (findings.length === 0 || parseVolumePath(file.path) === undefined) return [...findings];
  const places = new Map(members.toReversed().map((member) => [member.path, member]));
  const located = findings.map((finding) => {
    const place = places.get(finding.member);
    return {
      finding,
      parts: place === undefined ? file.parts : file.partsOf(place.headerOffset, place.end),
      isPlaced: place !== undefined,
    };
  });
  const unclear = located.filter(({ finding, parts }) => finding.volumes === undefined && parts.length !== 1).flatMap(({ parts }) => parts);
  const suspects = [...new Set(unclear)].sort((left, right) => left.start - right.start);
  const damaged = await damagedAmong(suspects, options);
  return located.map(({ finding, parts, isPlaced }) => {
    if (finding.volumes !== undefined) return finding;
    const guilty = parts.filter((part) => damaged.get(part) === true);
    const named = guilty.length > 0 ? guilty : isPlaced ? parts : [];
    return named.length === 0 ? finding : { ...finding, volumes: named.map(({ path }) => basename(path)) };
  });
}

/** True for each volume whose bytes differ from the digest beside it; a volume without a digest is absent. */
async function damagedAmong(
  parts: readonly FilePart[],
  { signal, workers }: Pick<HashPoolOptions, 'signal' | 'workers'>,
): Promise<ReadonlyMap<FilePart, boolean>> {
  const wanted = new Map(await Promise.all(parts.map(async (part) => [part, await readSidecar(part.path)] as const)));
  const known = parts.filter((part) => wanted.get(part) !== undefined);
  const actual = await hashVolumes(known, { signal, ...(workers === undefined ? {} : { workers }) });
  return new Map(known.map((part) => [part, actual.get(part) !== wanted.get(part)]));
}
