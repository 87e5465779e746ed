import { hasCode } from '../../core/index.ts';
import { packageFormat, type PackageFormatName } from '../../ospkg/index.ts';

/** A format's word for a CPU that Go names; Go's own word where the format has none. */
export function architectureWord(format: PackageFormatName, cpu: string): string {
  try {
    return packageFormat(format).architectureOf({ os: 'linux', architecture: cpu });
  } catch (error) {
    if (hasCode(error, 'PLATFORM_INVALID')) return cpu;
    throw error;
  }
}
