import { formatUnitFile } from '../../host/index.ts';

export interface DepotUnitRequest {
  readonly executable: string;
  readonly bundles: readonly string[];
  /** HOST:PORT */
  readonly listen: string;
  readonly certificate: string;
  readonly key: string;
  readonly repositoryKey: string;
}

/** Formats caisson-depot.service: the seed serves the bundles from where they are, over TLS, to every node. */
export function depotUnit(request: DepotUnitRequest): string {
  const { executable, bundles, listen, certificate, key, repositoryKey } = request;
  const flags = ['--listen', listen, '--tls-cert', certificate, '--tls-key', key, '--repository-key', repositoryKey];
  return formatUnitFile({
    description: 'Caisson depot: image registry and package repositories of a bundle',
    after: ['network.target'],
    startLimitIntervalSec: 0,
    type: 'simple',
    execStart: { argv: [executable, 'serve', ...bundles, ...flags] },
    restart: 'always',
    restartSec: 2,
    limitNofile: 65_536,
    settings: { ProtectSystem: 'strict', ProtectHome: 'true', PrivateTmp: 'true', NoNewPrivileges: 'true' },
  });
}
