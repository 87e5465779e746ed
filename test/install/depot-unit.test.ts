import { describe, expect, it } from 'vitest';
import { depotUnit } from '../../src/install/depot-unit.ts';

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
    expect(unit).toContain(
      'ExecStart=/usr/local/bin/caisson serve /var/lib/caisson/bundles/a.tar /var/lib/caisson/bundles/b.tar --listen [::]:5443 --tls-cert /c --tls-key /k --repository-key /r\n',
    );
    for (const line of ['Restart=always', 'ProtectSystem=strict', 'NoNewPrivileges=true', 'WantedBy=multi-user.target']) {
      expect(unit.split('\n')).toContain(line);
    }
  });
});
