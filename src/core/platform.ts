import { CaissonError } from './errors.ts';

/** An operating system and CPU in the words of the OCI image specification (Go's GOOS and GOARCH). */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

const PLATFORM = /^([a-z0-9]+)\/([a-z0-9]+)(?:\/([a-z0-9]+))?$/;

/** Parses linux/amd64 or linux/arm64/v8. Throws PLATFORM_INVALID. */
export function parsePlatform(text: string): Platform {
  const match = PLATFORM.exec(text);
  const [, os, architecture, variant] = match ?? [];
  if (os === undefined || architecture === undefined) {
    throw new CaissonError('PLATFORM_INVALID', `Cannot read platform "${text}": it is not os/architecture[/variant]`, {
      hint: 'Write it as linux/amd64 or linux/arm64',
    });
  }
  return variant === undefined ? { os, architecture } : { os, architecture, variant };
}

export function formatPlatform(platform: Platform): string {
  return [platform.os, platform.architecture, platform.variant].filter((part) => part !== undefined).join('/');
}

/** The platform in the words of Node (os.platform, os.arch). */
export function platformOfNode(os: string, cpu: string): Platform {
  return { os, architecture: cpu === 'x64' ? 'amd64' : cpu };
}

/** For file names: linux-amd64. */
export function platformSlug(platform: Platform): string {
  return formatPlatform(platform).replaceAll('/', '-');
}

const DEBIAN_ARCHITECTURES: ReadonlyMap<string, string> = new Map([
  ['amd64', 'amd64'],
  ['arm64', 'arm64'],
  ['386', 'i386'],
  ['arm', 'armhf'],
  ['ppc64le', 'ppc64el'],
  ['s390x', 's390x'],
  ['riscv64', 'riscv64'],
]);

/** Debian's name of the CPU (dpkg --print-architecture). */
export function debianArchitecture(platform: Platform): string {
  const name = DEBIAN_ARCHITECTURES.get(platform.architecture);
  if (name === undefined) {
    throw new CaissonError('PLATFORM_INVALID', `Cannot name "${formatPlatform(platform)}" in Debian's words: no such architecture`);
  }
  return name;
}
