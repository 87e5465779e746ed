import { describe, expect, it } from 'vitest';
import { fixedContent } from '../../src/resources/index.ts';
import { dnfAccess, DNF_HERE, ENVIRONMENT } from '../../src/resources/packages/dnf/access.ts';

const { files, lists, metadata } = dnfAccess({
  repository: {
    id: 'rocky-9',
    type: 'rpm',
    path: 'rpm/rocky-9',
    architectures: ['x86_64'],
    keys: ['rpm/rocky-9/keys/a.asc'],
    packages: [],
  },
  depot: 'https://depot.lab.internal:5443',
  key: fixedContent('SITE KEY\n'),
  vendorKeys: [fixedContent('VENDOR KEY\n'), fixedContent('OTHER KEY\n')],
});

async function contentOf(path: string): Promise<string> {
  return String(await files.find((file) => file.path === path)?.content.read());
}

describe('dnfAccess', () => {
  it('stays beside the configuration of the host', () => {
    expect(files.map(({ path }) => path)).toEqual([
      '/etc/caisson/dnf/repository.asc',
      '/etc/caisson/dnf/vendor-1.asc',
      '/etc/caisson/dnf/vendor-2.asc',
      '/etc/caisson/dnf/repos/caisson.repo',
      '/etc/caisson/dnf/dnf.conf',
    ]);
    for (const { mode, owner } of files) expect([mode, owner]).toEqual([0o644, undefined]);
    expect(metadata.startsWith(`${lists}/`)).toBe(true);
  });

  it('names the depot alone and the key of the metadata, and checks metadata and packages', async () => {
    const lines = (await contentOf('/etc/caisson/dnf/repos/caisson.repo')).split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        '[caisson]',
        'baseurl=https://depot.lab.internal:5443/rpm/rocky-9',
        'gpgcheck=1',
        'repo_gpgcheck=1',
        'gpgkey=file:///etc/caisson/dnf/repository.asc',
        'sslverify=1',
        'sslcacert=/etc/caisson/pki/ca.crt',
        'module_hotfixes=1',
      ]),
    );
    expect(await contentOf('/etc/caisson/dnf/vendor-2.asc')).toBe('OTHER KEY\n');
  });

  it('has repositories, caches and no plugins of its own', async () => {
    const lines = (await contentOf('/etc/caisson/dnf/dnf.conf')).split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        '[main]',
        'reposdir=/etc/caisson/dnf/repos',
        'cachedir=/var/lib/caisson/dnf/cache',
        'plugins=0',
        'gpgcheck=1',
      ]),
    );
  });
});

describe('the commands of dnf', () => {
  it('use that configuration, pass by proxies, and speak English', () => {
    expect(DNF_HERE).toContain('config=/etc/caisson/dnf/dnf.conf\n');
    expect(DNF_HERE).toContain('dnf --config="$config" "$@"; else yum --config="$config" "$@"');
    expect(ENVIRONMENT).toEqual({ LC_ALL: 'C.UTF-8', no_proxy: '*', NO_PROXY: '*' });
  });
});
