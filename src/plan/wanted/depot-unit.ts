export interface DepotUnitRequest {
  readonly executable: string;
  readonly bundles: readonly string[];
  /** HOST:PORT */
  readonly listen: string;
  readonly certificate: string;
  readonly key: string;
  readonly repositoryKey: string;
}

/** The text of caisson-depot.service: the seed serves the bundle in place, over TLS, to every node. */
export function depotUnit(request: DepotUnitRequest): string {
  const { executable, bundles, listen, certificate, key, repositoryKey } = request;
  const flags = `--listen ${listen} --tls-cert ${certificate} --tls-key ${key} --repository-key ${repositoryKey}`;
  return `[Unit]
Description=Caisson depot: image registry and package repositories of a bundle
After=network.target
StartLimitIntervalSec=0

[Service]
Type=simple
ExecStart=${executable} serve ${bundles.join(' ')} ${flags}
Restart=always
RestartSec=2
LimitNOFILE=65536
ProtectSystem=strict
ProtectHome=true
PrivateTmp=true
NoNewPrivileges=true

[Install]
WantedBy=multi-user.target
`;
}
