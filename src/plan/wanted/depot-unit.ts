import { formatUnitFile } from '../../host/index.ts';

export interface DepotUnitRequest {
  readonly executable: string;
  readonly bundles: readonly string[];
  /** HOST:PORT */
  readonly listen: string;
  readonly certificate: string;
  readonly key: string;
  readonly repositoryKey: string;
  /** Set when the depot fetches members of the bundle: file of its settings, and the directory that it writes to. */
  readonly online?: { readonly upstream: string; readonly directory: string } | undefined;
}

/** Formats caisson-depot.service: the seed serves the bundles from where they are, over TLS, to every node. */
export function depotUnit(request: DepotUnitRequest): string {
  const { executable, bundles, listen, certificate, key, repositoryKey, online } = request;
  const fetching = online === undefined ? [] : ['--online', '--upstream', online.upstream];
  const flags = ['--listen', listen, '--tls-cert', certificate, '--tls-key', key, '--repository-key', repositoryKey];
  return formatUnitFile({
    description: 'Caisson depot: image registry and package repositories of a bundle',
    after: ['network.target'],
    startLimitIntervalSec: 0,
    type: 'simple',
    execStart: { argv: [executable, 'serve', ...bundles, ...fetching, ...flags, '--site'] },
    restart: 'always',
    restartSec: 2,
    limitNofile: 65_536,
    settings: {
      ProtectSystem: 'strict',
      // Credentials for registries stay below the home directory of root.
      ProtectHome: online === undefined ? 'true' : 'read-only',
      ...(online === undefined ? {} : { ReadWritePaths: online.directory }),
      PrivateTmp: 'true',
      NoNewPrivileges: 'true',
    },
  });
}
