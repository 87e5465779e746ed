import { describe, expect, it } from 'vitest';
import { loginFiles } from '../../src/ssh/index.ts';

const PLACES = { home: '/root', directory: '/site' };

describe('loginFiles', () => {
  it('lists what a login reads when cluster.yaml names nothing', () => {
    expect(loginFiles({ agent: true }, PLACES)).toEqual(
      ['id_ed25519', 'id_ecdsa', 'id_rsa', 'id_ed25519-cert.pub', 'id_ecdsa-cert.pub', 'id_rsa-cert.pub', 'known_hosts'].map((name) => ({
        path: `/root/.ssh/${name}`,
        isNamed: false,
      })),
    );
    expect(loginFiles({ agent: true, config: true }, PLACES)).toContainEqual({ path: '/root/.ssh/config', isNamed: false });
  });

  it('lists every file that cluster.yaml names, and the certificate of the key', () => {
    const ssh = {
      agent: true,
      identityFile: './key',
      passphraseFile: '~/passphrase',
      passwordFile: '/etc/password',
      sudoPasswordFile: 'sudo',
      knownHosts: 'known_hosts',
      config: 'ssh_config',
    };
    expect(
      loginFiles(ssh, PLACES)
        .map(({ path, isNamed }) => `${path} ${isNamed ? 'named' : ''}`)
        .sort(),
    ).toEqual([
      '/etc/password named',
      '/root/passphrase named',
      '/site/key named',
      '/site/key-cert.pub ',
      '/site/known_hosts named',
      '/site/ssh_config named',
      '/site/sudo named',
    ]);
  });
});
