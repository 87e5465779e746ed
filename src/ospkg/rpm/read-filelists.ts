import type { RpmTable } from './package-table.ts';
import type { RpmOrigin } from './rpm-package.ts';
import { joinRpmVersion } from './rpm-version.ts';
import { splitPackageElements } from './split-elements.ts';
import { parseElement, type XmlElement } from './xml.ts';

/**
 * Which packages have each of the wanted files, by number from 1 on, as filelists.xml of each repository lists them. Files that
 * no package has are in the answer with none. Throws what reading a repository throws.
 */
export async function readFilelists(table: RpmTable, wanted: ReadonlySet<string>): Promise<ReadonlyMap<string, readonly number[]>> {
  const found = new Map<string, number[]>([...wanted].map((path) => [path, []]));
  const byOrigin = new Map<RpmOrigin, Map<string, number>>();
  for (let row = 0; row < table.length; row += 1) {
    const origin = table.originAt(row);
    const rows = byOrigin.get(origin) ?? new Map<string, number>();
    byOrigin.set(origin, rows);
    rows.set(table.textAt(row).split('\n', 3).join(' '), row + 1);
  }
  for (const [origin, rows] of byOrigin) {
    const open = await origin.openFilelists?.();
    if (open === undefined) continue;
    for await (const { bytes } of splitPackageElements(open, origin.what)) {
      const text = bytes.toString('utf8');
      const paths = [...wanted].filter((path) => text.includes(path));
      if (paths.length === 0) continue;
      const element = parseElement(text);
      const id = rows.get(keyOf(element));
      if (id === undefined) continue;
      const own = new Set(element.children.filter(({ name }) => name === 'file').map((file) => file.text));
      for (const path of paths) if (own.has(path)) found.get(path)?.push(id);
    }
  }
  return found;
}

function keyOf({ attributes: { name, arch }, children }: XmlElement): string {
  const { epoch = '0', ver: version = '', rel: release } = children.find((child) => child.name === 'version')?.attributes ?? {};
  return `${name} ${joinRpmVersion({ epoch, version, release })} ${arch}`;
}
