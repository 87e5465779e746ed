import { posix } from 'node:path';
import type { Command } from '../../../host/index.ts';
import { PKI, SETTINGS, STATE } from '../../../site/index.ts';
import { fixedContent } from '../../content.ts';
import type { SourceAccess, SourceRequest } from '../package-manager.ts';
import { formatSettings, isolatedSettings, sourceLine } from './settings.ts';

const DIRECTORY = posix.join(SETTINGS, 'apt');
const CONFIG = posix.join(DIRECTORY, 'apt.conf');
const SOURCES = posix.join(DIRECTORY, 'sources.list');
const KEY = posix.join(DIRECTORY, 'repository.asc');
export const NOTE = posix.join(DIRECTORY, 'updated-for');
export const LISTS = posix.join(STATE, 'apt/lists');

/**
 * Makes an apt configuration in the place of the host's own, which is neither read nor changed. It has only the depot's
 * repository, with metadata signed by the site's key, over TLS with the site's authority, and has its own lists and caches.
 */
export function aptAccess({ repository, depot, key }: SourceRequest): SourceAccess {
  if (repository.type !== 'apt') throw new Error(`"${repository.id}" is a repository of type ${repository.type}`);
  const url = `${depot}/${repository.path}`;
  return {
    lists: LISTS,
    files: [
      { path: KEY, mode: 0o644, content: key },
      {
        path: SOURCES,
        mode: 0o644,
        content: fixedContent(sourceLine(repository, { url, key: KEY, architectures: repository.architectures })),
      },
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
    ...isolatedSettings({ sources: SOURCES, lists: LISTS }),
    'Acquire::https::CaInfo': posix.join(PKI, 'ca.crt'),
    'Acquire::https::Verify-Peer': 'true',
    'Acquire::https::Verify-Host': 'true',
    'Acquire::http::Proxy': 'DIRECT',
    'Acquire::https::Proxy': 'DIRECT',
    'Acquire::Retries': '3',
    'APT::Periodic::Enable': '0',
  };
  return `${formatSettings(settings)}DPkg::Options { "--force-confdef"; "--force-confold"; };\n`;
}

/** An apt-get command that uses only the depot, asks no questions, and reads no configuration but ours. */
export function aptGet(...words: readonly string[]): Command {
  return {
    argv: ['apt-get', '--quiet', '--assume-yes', ...words],
    env: { APT_CONFIG: CONFIG, DEBIAN_FRONTEND: 'noninteractive', NEEDRESTART_MODE: 'l', LC_ALL: 'C.UTF-8' },
  };
}

/**
 * A command that downloads one file and checks its digest, where one is given, with the transport of apt, which every host has. It runs as
 * root, because the directory of the target belongs to root.
 */
export function aptDownload(url: string, path: string, sha256: string | undefined): Command {
  const check = sha256 === undefined ? [] : [`SHA256:${sha256}`];
  return {
    argv: ['/usr/lib/apt/apt-helper', '--option', 'APT::Sandbox::User=root', 'download-file', url, path, ...check],
    env: { APT_CONFIG: CONFIG, LC_ALL: 'C.UTF-8' },
  };
}
