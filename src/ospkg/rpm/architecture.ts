import { CaissonError, formatPlatform, type Platform } from '../../core/index.ts';

/** rpm's word for a CPU, and the words of packages that run on it, best first; noarch runs on all. */
const ARCHITECTURES: ReadonlyMap<string, readonly [string, ...string[]]> = new Map<string, readonly [string, ...string[]]>([
  ['amd64', ['x86_64', 'i686', 'i586', 'i486', 'i386']],
  ['arm64', ['aarch64']],
  ['386', ['i686', 'i586', 'i486', 'i386']],
  ['ppc64le', ['ppc64le']],
  ['s390x', ['s390x']],
  ['riscv64', ['riscv64']],
  ['loong64', ['loongarch64']],
]);

/** rpm's name of the CPU (rpm --eval %{_arch}). Throws PLATFORM_INVALID. */
export function rpmArchitecture(platform: Platform): string {
  const words = ARCHITECTURES.get(platform.architecture);
  if (words !== undefined) return words[0];
  throw new CaissonError('PLATFORM_INVALID', `Cannot name "${formatPlatform(platform)}" in rpm's words: no such architecture`);
}

/** The architectures whose packages a host can install besides noarch, best first. */
export function installableOn(architecture: string): readonly string[] {
  return [...ARCHITECTURES.values()].find(([word]) => word === architecture) ?? [architecture];
}
