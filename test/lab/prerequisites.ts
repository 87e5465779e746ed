import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, which } from './run.ts';

/** Program → Debian package. Debian and Ubuntu use the same names. */
const TOOLS: Readonly<Record<string, string>> = {
  dockerd: 'docker.io',
  docker: 'docker.io',
  mmdebstrap: 'mmdebstrap',
  'docker-registry': 'docker-registry',
  skopeo: 'skopeo',
  ssh: 'openssh-client',
  'ssh-keygen': 'openssh-client',
  'dpkg-deb': 'dpkg',
  tar: 'tar',
  setpriv: 'util-linux',
  gpgv: 'gpgv',
  openssl: 'openssl',
  xz: 'xz-utils',
};

/** Files that no program stands for. */
const FILES: Readonly<Record<string, string>> = {
  '/usr/share/keyrings/debian-archive-keyring.gpg': 'debian-archive-keyring',
  '/etc/ssl/certs/ca-certificates.crt': 'ca-certificates',
};

/** The packages of which something is missing on this machine. A Docker engine behind DOCKER_HOST needs no engine here. */
export async function missingPackages(): Promise<string[]> {
  const missing = new Set<string>();
  for (const [program, packageName] of Object.entries(TOOLS)) {
    if (program === 'dockerd' && process.env['DOCKER_HOST'] !== undefined) continue;
    if ((await which(program)) === undefined) missing.add(packageName);
  }
  for (const [file, packageName] of Object.entries(FILES)) if (!existsSync(file)) missing.add(packageName);
  if ((await which('docker')) === undefined && existsSync('/etc/debian_version') && (await packageExists('docker-cli')))
    missing.add('docker-cli');
  return [...missing].sort();
}

async function packageExists(name: string): Promise<boolean> {
  const shown = await run(['apt-cache', 'show', '--no-all-versions', name], { expect: 'any' });
  return shown.status === 0 && shown.stdout.includes('Package:');
}

/**
 * Installs what the lab needs and this machine lacks, with the machine's own apt. Says what it does through `say`. Throws when
 * something is missing and this is not root on a Debian or Ubuntu machine, naming the packages.
 */
export async function ensureTools(say: (line: string) => void = console.log): Promise<void> {
  const missing = await missingPackages();
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0 || (await which('apt-get')) === undefined) {
    throw new Error(`The lab needs the Debian packages ${missing.join(' ')}; install them as root: apt-get install ${missing.join(' ')}`);
  }
  say(`Installing the lab's tools: ${missing.join(' ')}`);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  await run(['apt-get', 'update', '-q'], { env });
  await run(['apt-get', 'install', '-q', '-y', '--no-install-recommends', ...(await missingPackages())], { env, timeout: 900_000 });
  const still = await missingPackages();
  if (still.length > 0) throw new Error(`apt-get installed the lab's tools, and still missing are: ${still.join(' ')}`);
}

export interface AptMirror {
  /** Base address of the Debian archive, without a slash at the end. */
  readonly main: string;
  /** Base address of its security archive. */
  readonly security: string;
}

const DEFAULT_MIRROR: AptMirror = { main: 'http://ftp.debian.org/debian', security: 'http://security-cdn.debian.org/debian-security' };
const RELEASES = 'bullseye|bookworm|trixie|forky|oldoldstable|oldstable|stable|testing|unstable|sid';
const MAIN_SUITE = new RegExp(`^(${RELEASES})$`);
const SECURITY_SUITE = new RegExp(`^(${RELEASES})(-security|/updates)$`);

interface AptEntry {
  readonly uris: readonly string[];
  readonly suites: readonly string[];
}

function oneLineEntries(text: string): AptEntry[] {
  return [...text.matchAll(/^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)/gm)].map((match) => ({
    uris: [match[1] ?? ''],
    suites: [match[2] ?? ''],
  }));
}

function words(stanza: string, field: string): string[] {
  const match = new RegExp(`^${field}:[ \\t]*(.*(?:\\n[ \\t].*)*)`, 'im').exec(stanza);
  return (match?.[1] ?? '').split(/\s+/).filter((word) => word !== '');
}

function stanzaEntries(text: string): AptEntry[] {
  const stanzas = text.replace(/^#.*\n?/gm, '').split(/\n\s*\n/);
  return stanzas
    .filter((stanza) => words(stanza, 'Types').includes('deb') && words(stanza, 'Enabled')[0]?.toLowerCase() !== 'no')
    .map((stanza) => ({ uris: words(stanza, 'URIs'), suites: words(stanza, 'Suites') }));
}

/** Cloud images write `mirror+file:/etc/apt/mirrors/debian.list`: the first address of that file is the mirror. */
function addressOf(uri: string, root: string): string | undefined {
  const list = /^mirror\+file:\/*(\/.*)$/.exec(uri)?.[1];
  const address = list === undefined ? uri : firstAddress(join(root, list));
  return address !== undefined && /^https?:\/\//.test(address) ? address.replace(/\/+$/, '') : undefined;
}

function firstAddress(file: string): string | undefined {
  if (!existsSync(file)) return undefined;
  return /^\s*(https?:\/\/\S+)/m.exec(readFileSync(file, 'utf8'))?.[1];
}

/**
 * The Debian mirror of this machine's apt configuration (sources.list and sources.list.d, both formats), so that a build in the
 * lab uses the mirror the machine uses. On a machine without one (Ubuntu) it is the public archive.
 */
export function aptMirror(root = '/'): AptMirror {
  const parts = join(root, 'etc/apt/sources.list.d');
  const names = existsSync(parts) ? readdirSync(parts).sort() : [];
  const files = [join(root, 'etc/apt/sources.list'), ...names.map((name) => join(parts, name))].filter((file) => existsSync(file));
  const entries = files.flatMap((file) => {
    const text = readFileSync(file, 'utf8');
    if (file.endsWith('.sources')) return stanzaEntries(text);
    return file.endsWith('.list') ? oneLineEntries(text) : [];
  });
  const pick = (suite: RegExp): string | undefined =>
    entries
      .filter((entry) => entry.suites.some((name) => suite.test(name)))
      .flatMap((entry) => entry.uris.map((uri) => addressOf(uri, root)))
      .find((uri) => uri !== undefined);
  const main = pick(MAIN_SUITE);
  return main === undefined ? DEFAULT_MIRROR : { main, security: pick(SECURITY_SUITE) ?? DEFAULT_MIRROR.security };
}
