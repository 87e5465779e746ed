import { posix } from 'node:path';
import type { BundleRepository } from '../bundle/index.ts';
import type { Command } from '../host/index.ts';
import { depotUrl, type DepotAddress } from './context.ts';
import { APT, APT_LISTS, PKI } from '../site/index.ts';
import type { ManagedFile } from './managed-files.ts';

const CONFIG = posix.join(APT, 'apt.conf');
const SOURCES = posix.join(APT, 'sources.list');
const KEY = posix.join(APT, 'repository.asc');

/**
 * An apt configuration beside the host's own, which is never touched: only the depot's repository, its metadata signed
 * by the site's key, over TLS with the site's authority, own lists and caches. It is given with `--config-file`, which
 * apt reads after the host's files, so that it wins.
 */
export function aptFiles(repository: BundleRepository, depot: DepotAddress, repositoryKey: string): readonly ManagedFile[] {
  const url = `${depotUrl(depot)}/${repository.path}`;
  return [
    { path: KEY, mode: 0o644, content: repositoryKey },
    {
      path: SOURCES,
      mode: 0o644,
      content: `deb [arch=${repository.architectures.join(',')} signed-by=${KEY}] ${url} ${repository.codename} ${repository.components.join(' ')}\n`,
    },
    { path: CONFIG, mode: 0o644, content: aptConfig() },
  ];
}

function aptConfig(): string {
  const settings: Readonly<Record<string, string>> = {
    'Dir::Etc::sourcelist': SOURCES,
    'Dir::Etc::sourceparts': '-',
    'Dir::Etc::preferences': '/dev/null',
    'Dir::Etc::preferencesparts': '-',
    'Dir::State::lists': APT_LISTS,
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

/** apt-get against the depot alone, asking nothing. */
export function aptGet(...words: readonly string[]): Command {
  return {
    argv: ['apt-get', `--config-file=${CONFIG}`, '--quiet', '--assume-yes', ...words],
    env: { DEBIAN_FRONTEND: 'noninteractive', NEEDRESTART_MODE: 'l', LC_ALL: 'C.UTF-8' },
  };
}
