import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openLocalHost, runChecked } from '../../src/host/index.ts';
import { aptFiles } from '../../src/install/apt-access.ts';
import { useTempDir } from '../support/temp-dir.ts';

const directory = useTempDir();

describe('our apt configuration, as apt reads it', () => {
  it('wins over what the host says', async () => {
    const repository = {
      id: 'debian-12',
      type: 'apt',
      path: 'apt/debian-12',
      codename: 'bookworm',
      architectures: ['amd64'],
      components: ['main'],
      packages: [],
    } as const;
    const files = aptFiles(repository, { name: 'depot.lab.internal', address: '10.0.0.11', port: 5443 }, '');
    const config = files.find(({ path }) => path.endsWith('apt.conf'));
    const [host, own] = [join(directory(), 'host'), join(directory(), 'own.conf')];
    await mkdir(host);
    await writeFile(own, config?.content ?? '');
    await writeFile(
      join(host, '99site'),
      [
        'Acquire::http::Proxy "http://proxy.example:3128";',
        'Acquire::https::Proxy "http://proxy.example:3128";',
        'Acquire::https::Verify-Peer "false";',
        'APT::Get::AllowUnauthenticated "true";',
        'APT::Install-Recommends "true";',
        'Dir::Etc::sourcelist "/etc/apt/sources.list";',
        'DPkg::Options { "--force-all"; };',
      ].join('\n'),
    );
    const argv = ['apt-config', `--config-file=${own}`, 'dump'];
    const env = { APT_CONFIG: join(directory(), 'environment.conf') };
    await writeFile(env.APT_CONFIG, `Dir::Etc::parts "${host}";\n`);
    const { stdout, stderr } = await runChecked(openLocalHost({ name: 'here' }), { argv, env });
    expect(stderr).toBe('');
    const settings = stdout.split('\n');
    for (const line of [
      'Dir::Etc::sourcelist "/etc/caisson/apt/sources.list";',
      'Dir::Etc::sourceparts "-";',
      'Dir::State::lists "/var/lib/caisson/apt/lists";',
      'Acquire::http::Proxy "DIRECT";',
      'Acquire::https::Proxy "DIRECT";',
      'Acquire::https::Verify-Peer "true";',
      'Acquire::https::CaInfo "/etc/caisson/pki/ca.crt";',
      'APT::Get::AllowUnauthenticated "false";',
      'APT::Install-Recommends "false";',
    ]) {
      expect(settings).toContain(line);
      const name = line.split(' ')[0] ?? '';
      expect(settings.filter((setting) => setting.startsWith(`${name} `))).toEqual([line]);
    }
    // A list is added to: that of the host shows that its file was read.
    const options = settings.filter((setting) => setting.startsWith('DPkg::Options::'));
    expect(options).toEqual(expect.arrayContaining(['DPkg::Options:: "--force-all";', 'DPkg::Options:: "--force-confold";']));
  });
});
