import type { RpmOrigin, RpmPackage } from './rpm-package.ts';
import { splitPackageElements } from './split-elements.ts';
import { parseElement, type XmlElement } from './xml.ts';

/**
 * The whole elements of chosen packages. A table keeps what the solver needs alone: each primary.xml that has chosen packages is
 * read once more.
 */
export async function readElements(chosen: Iterable<RpmPackage>, signal?: AbortSignal): Promise<ReadonlyMap<RpmPackage, XmlElement>> {
  const byOrigin = new Map<RpmOrigin, Map<number, RpmPackage>>();
  for (const found of chosen) {
    const { origin, offset } = found.place;
    const known = byOrigin.get(origin) ?? new Map<number, RpmPackage>();
    byOrigin.set(origin, known.set(offset, found));
  }
  const elements = new Map<RpmPackage, XmlElement>();
  for (const [origin, wanted] of byOrigin) {
    for await (const { offset, bytes } of splitPackageElements(origin.reopen(), origin.what)) {
      signal?.throwIfAborted();
      const found = wanted.get(offset);
      if (found !== undefined) elements.set(found, parseElement(bytes.toString('utf8')));
    }
  }
  return elements;
}
