import type { PackageDescription } from '../format.ts';
import type { AptRecord } from './apt-record.ts';

/**
 * A package by purl type deb. Licences are in the metadata of some repositories only; Debian's own have none. Distributions
 * publish vulnerabilities by source package, which is named where it is not the package itself.
 */
export function describeDeb({ name, version, architecture, source, stanza }: AptRecord, system: string): PackageDescription {
  const licence = /^License:[ \t]*(\S.*)$/im.exec(stanza)?.[1]?.trim();
  const qualifiers = { arch: architecture, distro: system, ...upstreamOf(name, version, source) };
  return {
    purl: { type: 'deb', namespace: vendorOf(system), name, version, qualifiers },
    ...(licence === undefined ? {} : { licence }),
  };
}

function upstreamOf(name: string, version: string, source: AptRecord['source']): { readonly upstream?: string } {
  if (source.version !== version) return { upstream: `${source.name}@${source.version}` };
  return source.name === name ? {} : { upstream: source.name };
}

/** debian-12 → debian. */
function vendorOf(system: string): string {
  return /^(.+)-[^-]+$/.exec(system)?.[1] ?? system;
}
