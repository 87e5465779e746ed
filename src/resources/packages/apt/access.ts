import { posix } from 'node:path';
import type { Command } from '../../../host/index.ts';
import { PKI, SETTINGS, STATE } from '../../../site/index.ts';
import { fixedContent } from '../../content.ts';
import type { SourceAccess, SourceRequest } from '../package-manager.ts';

const DIRECTORY = posix.join(SETTINGS, 'apt');
const CONFIG = posix.join(DIRECTORY, 'apt.conf');
const SOURCES = posix.join(DIRECTORY, 'sources.list');
const KEY = posix.join(DIRECTORY, 'repository.asc');
export const LISTS = posix.join(STATE, 'apt/lists');

/**
 * Makes an apt configuration beside the host's own, which is never changed. It has only the depot's repository, with
 * metadata signed by the site's key, over TLS with the site's authority, and has its own lists and caches. It is given
 * with `--config-file`, which apt reads after the host's files, so its settings win.
 */
export function aptAccess({ repository, depot, key }: SourceRequest): SourceAccess {
  const url = `${depot}/${repository.path}`;
  const source = `deb [arch=${repository.architectures.join(',')} signed-by=${KEY}] ${url} ${repository.codename} ${repository.components.join(' ')}\n`;
  return {
    lists: LISTS,
    note: posix.join(DIRECTORY, 'updated-for'),
    files: [
      { path: KEY, mode: 0o644, content: key },
      { path: SOURCES, mode: 0o644, content: fixedContent(source) },
      { path: CONFIG, mode: 0o644, content: fixedContent(aptConfig()) },
    ],
    metadata: posix.join(LISTS, `${listName(url)}_dists_${repository.codename}_InRelease`),
  };
}

/** Name that apt gives to the lists of a repository: the URL without scheme, with underscores for slashes. */
function listName(url: string): string {
  return url
    .replace(/^https?:\/\//, '')
    .replaceAll('_', '%5f')
    .replaceAll('/', '_');
}

function aptConfig(): string {
  const settings: Readonly<Record<string, string>> = {
    'Dir::Etc::sourcelist': SOURCES,
    'Dir::Etc::sourceparts': '-',
    'Dir::Etc::preferences': '/dev/null',
    'Dir::Etc::preferencesparts': '-',
    'Dir::State::lists': LISTS,
    'Dir::Cache::pkgcache': '',
    'Dir::Cache::srcpkgcache': '',
    'Acquire::https::CaInfo': posix.join(PKI, 'ca.crt'),
    'Acquire::https::Verify-Peer': 'true',
    'Acquire::https::Verify-Host': 'true',
    'Acquire::http::Proxy': 'DIRECT',
    'Acquire::https::Proxy': 'DIRECT',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '3',
    'APT::Get::AllowUnauthenticated': 'false',
    'APT::Install-Recommends': 'false',
    'APT::Periodic::Enable': '0',
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} "${value}";`);
  return `${lines.join('\n')}\nDPkg::Options { "--force-confdef"; "--force-confold"; };\n`;
}

/** An apt-get command that uses only the depot and asks no questions. */
export function aptGet(...words: readonly string[]): Command {
  return {
    argv: ['apt-get', `--config-file=${CONFIG}`, '--quiet', '--assume-yes', ...words],
    env: { DEBIAN_FRONTEND: 'noninteractive', NEEDRESTART_MODE: 'l', LC_ALL: 'C.UTF-8' },
  };
}

/**
 * A command that downloads one file and checks its digest, where one is given, with the transport of apt, which every host has. It runs as
 * root, because the directory of the target belongs to root.
 */
export function aptDownload(url: string, path: string, sha256: string | undefined): Command {
  const flags = [`--config-file=${CONFIG}`, '--option', 'APT::Sandbox::User=root'];
  const check = sha256 === undefined ? [] : [`SHA256:${sha256}`];
  return { argv: ['/usr/lib/apt/apt-helper', ...flags, 'download-file', url, path, ...check], env: { LC_ALL: 'C.UTF-8' } };
}
