import { describe, expect, it } from 'vitest';
import { depotUnit } from '../../src/plan/wanted/depot-unit.ts';

describe('depotUnit', () => {
  it('serves the bundles over TLS, comes back by itself, and may write nothing', () => {
    const unit = depotUnit({
      executable: '/usr/local/bin/caisson',
      bundles: ['/var/lib/caisson/bundles/a.tar', '/var/lib/caisson/bundles/b.tar'],
      listen: '[::]:5443',
      certificate: '/c',
      key: '/k',
      repositoryKey: '/r',
    });
    // A changed text restarts the depot at the next upgrade.
    expect(unit).toBe(`[Unit]
Description=Caisson depot: image registry and package repositories of a bundle
After=network.target
StartLimitIntervalSec=0

[Service]
Type=simple
ExecStart=/usr/local/bin/caisson serve /var/lib/caisson/bundles/a.tar /var/lib/caisson/bundles/b.tar --listen [::]:5443 --tls-cert /c --tls-key /k --repository-key /r --site
Restart=always
RestartSec=2
LimitNOFILE=65536
ProtectSystem=strict
ProtectHome=true
PrivateTmp=true
NoNewPrivileges=true

[Install]
WantedBy=multi-user.target
`);
  });
});
