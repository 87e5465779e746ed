import { CaissonError } from '../../core/index.ts';
import type { PackageDescription } from '../format.ts';
import type { AptRecord } from './apt-record.ts';
import { FieldNames, parseParagraph, type ControlFields } from './control-file.ts';
import { parseRelations } from './requirement.ts';

const FIELDS = new FieldNames(['license', 'maintainer', 'depends', 'pre-depends', 'provides']);

/**
 * A package by purl type deb. Licences are in the metadata of some repositories only; Debian's own have none. Distributions
 * publish vulnerabilities by source package, which is named where it is not the package itself. Throws REPOSITORY_INVALID for a
 * paragraph or a relation that cannot be read.
 */
export function describeDeb({ name, version, architecture, source, stanza }: AptRecord, system: string): PackageDescription {
  const fields = parseParagraph(
    stanza,
    (reason) => new CaissonError('REPOSITORY_INVALID', `Cannot read package "${name}": ${reason}`),
    FIELDS,
  );
  const licence = fields.get('license')?.trim();
  const supplier = supplierOf(fields.get('maintainer'));
  const qualifiers = { arch: architecture, distro: system, ...upstreamOf(name, version, source) };
  const namesIn = (field: string): string[][] => relationNames(fields, field, { architecture, name });
  return {
    purl: { type: 'deb', namespace: vendorOf(system), name, version, qualifiers },
    ...(licence === undefined || licence === '' ? {} : { licence }),
    ...(supplier === undefined ? {} : { supplier }),
    needs: [...namesIn('pre-depends'), ...namesIn('depends')],
    provides: namesIn('provides').flat(),
    isForAllArchitectures: architecture === 'all',
  };
}

function relationNames(
  fields: ControlFields,
  field: string,
  { architecture, name }: { readonly architecture: string; readonly name: string },
): string[][] {
  const groups = parseRelations(fields.get(field) ?? '', architecture, `${field} of "${name}"`);
  return groups.map((group) => group.map((one) => one.name));
}

/** Reads a maintainer, such as `Debian Adduser Developers <adduser@packages.debian.org>` (policy 5.6.2). */
function supplierOf(maintainer: string | undefined): PackageDescription['supplier'] {
  const [, name, email] = /^([^<]*)(?:<([^<>]*)>)?/.exec(maintainer?.trim() ?? '') ?? [];
  const shown = name?.trim() ?? '';
  if (shown === '') return email === undefined || email === '' ? undefined : { name: email, email };
  return { name: shown, ...(email === undefined || email === '' ? {} : { email }) };
}

function upstreamOf(name: string, version: string, source: AptRecord['source']): { readonly upstream?: string } {
  if (source.version !== version) return { upstream: `${source.name}@${source.version}` };
  return source.name === name ? {} : { upstream: source.name };
}

/** debian-12 → debian. */
function vendorOf(system: string): string {
  return /^(.+)-[^-]+$/.exec(system)?.[1] ?? system;
}
