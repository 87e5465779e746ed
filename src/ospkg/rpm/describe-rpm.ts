import type { PackageDescription } from '../format.ts';
import type { RpmRecord } from './documents.ts';
import { splitRpmVersion } from './rpm-version.ts';
import { childText, findChild, parseElement, type XmlElement } from './xml.ts';

/** A package by purl type rpm, as its element in the metadata describes it. Throws REPOSITORY_INVALID for one that cannot be read. */
export function describeRpm({ name, version, architecture, source, element }: RpmRecord, system: string): PackageDescription {
  const format = findChild(parseElement(element), 'format');
  const { epoch, version: upstream, release } = splitRpmVersion(version);
  const licence = format === undefined ? undefined : childText(format, 'license');
  const vendor = format === undefined ? undefined : childText(format, 'vendor');
  const qualifiers = {
    arch: architecture,
    distro: system,
    ...(epoch === '0' ? {} : { epoch }),
    ...(source.name === name && source.version === version ? {} : { upstream: `${source.name}-${source.version}.src.rpm` }),
  };
  return {
    purl: {
      type: 'rpm',
      namespace: /^(.+)-[^-]+$/.exec(system)?.[1] ?? system,
      name,
      version: release === undefined ? upstream : `${upstream}-${release}`,
      qualifiers,
    },
    ...(licence === undefined || licence === '' ? {} : { licence }),
    ...(vendor === undefined || vendor === '' ? {} : { supplier: { name: vendor } }),
    needs: namesIn(format, 'requires').map((one) => [one]),
    provides: namesIn(format, 'provides').filter((one) => one !== name),
    isForAllArchitectures: architecture === 'noarch',
  };
}

/** Names of dependencies; those on rpm itself and rich ones, which name no single package, are left out. */
function namesIn(format: XmlElement | undefined, kind: string): readonly string[] {
  const entries = format === undefined ? undefined : findChild(format, kind)?.children;
  const names = (entries ?? []).map((entry) => entry.attributes['name'] ?? '');
  return [...new Set(names.filter((one) => one !== '' && !one.startsWith('(') && !one.startsWith('rpmlib(')))];
}
