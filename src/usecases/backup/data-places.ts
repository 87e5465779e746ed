import { posix } from 'node:path';
import { isThere } from '../../io/index.ts';
import type { SiteRecord } from '../../site/index.ts';

/** A directory or file that holds data of a component. */
export interface DataPlace {
  readonly host: string;
  readonly path: string;
  readonly owner: string;
}

/** Where components have their data, by the record. */
export function dataPlaces({ hosts }: SiteRecord): readonly DataPlace[] {
  return Object.entries(hosts).flatMap(([host, { owned }]) =>
    owned.filter(({ data }) => data === true).map(({ key, owner }) => ({ host, path: key, owner })),
  );
}

/** Data that the record has on a host, which is this machine, and that are not there. */
export async function missingData(record: SiteRecord, host: string, root: string): Promise<readonly DataPlace[]> {
  const own = dataPlaces(record).filter((place) => place.host === host && place.path.startsWith('/'));
  const missing = await Promise.all(own.map(async (place) => ((await isThere(posix.join(root, place.path))) ? [] : [place])));
  return missing.flat();
}
