import { aptFormat } from './apt/format.ts';
import type { LockedSystem } from './documents.ts';
import type { PackageFormat, PackageFormatName } from './format.ts';
import { rpmFormat } from './rpm/format.ts';

const FORMATS: Readonly<Record<PackageFormatName, PackageFormat>> = { apt: aptFormat, rpm: rpmFormat };

/** Every format there is. */
export function packageFormats(): readonly PackageFormat[] {
  return Object.values(FORMATS);
}

export function packageFormat(name: PackageFormatName): PackageFormat {
  return FORMATS[name];
}

/** The format of an operating system in a lock. */
export function formatOfLocked({ format = 'apt' }: Pick<LockedSystem, 'format'>): PackageFormat {
  return FORMATS[format];
}
