import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { nodeUuid } from '../../src/cluster/index.ts';
import { digestOf } from '../../src/core/index.ts';
import { usesKey, wantedOn, wantedResources, type Declared } from '../../src/plan/index.ts';
import { OWNERS, resourceId, type Resource, type ResourceKindName, type ResourceOf } from '../../src/resources/index.ts';
import { loginKeyPaths, seedLayout } from '../../src/site/index.ts';
import { RICH_MANIFESTS, stagedFile, useDeclared } from './sample-declared.ts';

const declare = useDeclared();

/** The resources of an owner on a host, without the directories above their paths. */
async function wishesOf(declared: Declared, host: string, owner: string): Promise<readonly Resource[]> {
  const all = await wantedOn(declared, host);
  return all.filter((one) => one.owner === owner && !(one.kind === 'directory' && one.spec.isParent === true));
}

function specOf<K extends ResourceKindName>(resources: readonly Resource[], kind: K, key: string): ResourceOf<K>['spec'] {
  const found = resources.find((one): one is ResourceOf<K> & Resource => one.kind === kind && one.key === key);
  if (found === undefined) throw new Error(`there is no ${kind} "${key}" among ${resources.map(resourceId).join(', ')}`);
  return found.spec;
}

async function textOf(resources: readonly Resource[], path: string): Promise<string> {
  return String(await specOf(resources, 'file', path).content.read());
}

function keysOf(resources: readonly Resource[], kind: ResourceKindName): readonly string[] {
  return resources.filter((one) => one.kind === kind).map(({ key }) => key);
}

describe('what a host has before its components', () => {
  it('knows all names, those of the platform for each host of the component that has them', async () => {
    const declared = await declare();
    for (const host of ['m1', 'f1']) {
      expect(specOf(await wishesOf(declared, host, OWNERS.host), 'block', '/etc/hosts#caisson')).toEqual({
        path: '/etc/hosts',
        id: 'caisson',
        lines: [
          '10.0.0.11 depot.caisson',
          ...['10.0.0.11 m1', '10.0.0.12 f1', '10.0.0.13 f2'],
          ...['10.0.0.12 registry.example www.example', '10.0.0.13 registry.example www.example'],
        ],
      });
    }
  });

  it('trusts the depot and the registry of the platform, and has a certificate of its own', async () => {
    const wishes = await wishesOf(await declare(), 'f1', OWNERS.host);
    const authority = await textOf(wishes, '/etc/caisson/pki/ca.crt');
    for (const name of ['depot.caisson:5443', 'registry.example'])
      expect(await textOf(wishes, `/etc/docker/certs.d/${name}/ca.crt`)).toBe(authority);
    expect(specOf(wishes, 'certificate', 'node').files.map(({ path, mode }) => [path, mode])).toEqual([
      ['/etc/caisson/pki/node.crt', 0o644],
      ['/etc/caisson/pki/node.key', 0o600],
    ]);
  });

  it('trusts the depot alone where the platform has no registry', async () => {
    const declared = await declare({
      change: (topology) => {
        const { registry: _, ...platform } = topology.platform;
        return { ...topology, platform };
      },
    });
    const files = keysOf(await wishesOf(declared, 'f1', OWNERS.host), 'file');
    expect(files.filter((path) => path.includes('certs.d'))).toEqual(['/etc/docker/certs.d/depot.caisson:5443/ca.crt']);
  });

  it('fetches packages and the program from the depot, and has the program by the name of the platform, too', async () => {
    const declared = await declare();
    const wishes = await wishesOf(declared, 'f1', OWNERS.host);
    expect(specOf(wishes, 'package-source', '/etc/caisson/apt/updated-for')).toMatchObject({ bundle: declared.supply.bundle.bundleDigest });
    expect(await textOf(wishes, '/etc/caisson/apt/sources.list')).toContain('https://depot.caisson:5443/apt/debian-12 bookworm');
    expect(specOf(wishes, 'directory', '/var/lib/caisson/apt/lists')).toEqual({ mode: 0o755, contents: 'ours' });
    const member = declared.supply.bundle.entry('caisson-linux-amd64');
    expect(specOf(wishes, 'executable', '/usr/local/bin/caisson')).toMatchObject({
      digest: member?.digest,
      url: 'https://depot.caisson:5443/files/caisson-linux-amd64',
    });
    expect(specOf(wishes, 'link', '/usr/local/bin/samplectl')).toEqual({ target: '/usr/local/bin/caisson' });
  });

  it('has no second name of the program where the platform gives none', async () => {
    const platform = RICH_MANIFESTS['platform.yaml']?.replace('command: samplectl\n', '') ?? '';
    const declared = await declare({ manifests: { ...RICH_MANIFESTS, 'platform.yaml': platform } });
    expect(keysOf(await wantedOn(declared, 'f1'), 'link')).toEqual([]);
    expect(keysOf(await wantedOn(declared, 'f1'), 'executable')).toEqual(['/usr/local/bin/caisson']);
  });

  it('runs the agent, which restarts when its settings, its unit, its program or its certificates change', async () => {
    const wishes = await wishesOf(await declare(), 'f1', OWNERS.host);
    expect(specOf(wishes, 'unit', 'caisson-agent.service')).toEqual({
      restartOn: [
        '/etc/caisson/agent.yaml',
        '/etc/systemd/system/caisson-agent.service',
        '/usr/local/bin/caisson',
        '/etc/caisson/pki/node.crt',
        '/etc/caisson/pki/ca.crt',
      ],
      reloadOn: [],
    });
    expect(specOf(wishes, 'file', '/etc/caisson/agent.yaml').mode).toBe(0o600);
    expect(JSON.parse(await textOf(wishes, '/etc/caisson/agent.yaml'))).toMatchObject({
      cluster: 'sample',
      node: { name: 'f1', address: '10.0.0.12', uuid: nodeUuid('sample', 'f1'), roles: ['front'] },
      definitions: '/opt/sample/conf',
      state: '/var/lib/caisson/agent',
      listen: { address: '10.0.0.12', port: 6100 },
      tls: { authority: '/etc/caisson/pki/ca.crt', certificate: '/etc/caisson/pki/node.crt', key: '/etc/caisson/pki/node.key' },
    });
    expect(await textOf(wishes, '/etc/systemd/system/caisson-agent.service')).toContain('/usr/local/bin/caisson');
    expect(specOf(wishes, 'directory', '/var/lib/caisson/agent')).toEqual({ mode: 0o700, contents: 'ours' });
    expect(specOf(wishes, 'directory', '/opt/sample/conf')).toEqual({ mode: 0o755 });
  });

  it('has the packages of its roles, in the versions of the bundle', async () => {
    const declared = await declare();
    const packages = (await wishesOf(declared, 'm1', OWNERS.host)).filter(({ kind }) => kind === 'package');
    expect(packages.map(({ key, spec }) => [key, spec])).toEqual([
      ['jq', { version: '1.6-2.1' }],
      ['socat', { version: '1.7.4.4-2' }],
    ]);
    expect(keysOf(await wishesOf(declared, 'f1', OWNERS.host), 'package')).toEqual([]);
  });

  it.each([
    ['the user of cluster.yaml', ['ssh: { user: ops }'], 'ops'],
    ['root', [], 'root'],
  ])('takes the login of the site as %s, where its node names the key of the site', async (_, more, user) => {
    const declared = await declare({ more });
    const login = async (identityFile: string | undefined) => {
      const nodes = declared.topology.spec.nodes.map((node) => ({
        ...node,
        ...(identityFile === undefined ? {} : { ssh: { identityFile } }),
      }));
      const spec = { ...declared.topology.spec, nodes };
      return wishesOf({ ...declared, topology: { ...declared.topology, spec } }, 'f1', OWNERS.login);
    };
    const wishes = await login(loginKeyPaths(declared.seed.layout).private);
    expect(wishes.map(resourceId)).toEqual([`login-key ${user}`]);
    expect(await specOf(wishes, 'login-key', user).line.read()).toMatch(/^ssh-ed25519 /);
    expect(await login('/root/.ssh/id_ed25519')).toEqual([]);
    expect(await login(undefined)).toEqual([]);
  });

  it('keeps a copy of each bundle of this install and those that it has of the previous one, where it keeps bundles', async () => {
    const old = stagedFile('/var/lib/caisson/bundles/old.tar', { size: undefined, isServed: false });
    const staged = [stagedFile('/srv/a.tar', { size: 8192 }), old];
    const declared = await declare({ more: ['depot: { copies: 2 }'], supply: { staged, keptOn: (host) => (host === 'f1' ? [old] : []) } });
    const bundles = async (host: string) =>
      (await wishesOf(declared, host, OWNERS.host)).flatMap((one) => (one.kind === 'bundle' ? [[one.key, one.digest, one.spec]] : []));
    const hex = digestOf('/srv/a.tar').slice('sha256:'.length);
    expect(await bundles('f1')).toEqual([
      [
        `${seedLayout().bundles}/a.tar`,
        digestOf('/srv/a.tar'),
        { digest: digestOf('/srv/a.tar'), of: digestOf('/srv/a.tar'), size: 8192, url: `https://depot.caisson:5443/bundles/${hex}.tar` },
      ],
      [old.path, old.digest, { digest: old.digest, of: old.of, isPlaced: old.isPlaced, place: old.place }],
    ]);
    expect(await bundles('f2')).toEqual([]);
    expect(await bundles('m1')).toEqual([]);
    for (const one of await wantedOn(declared, 'f1')) expect(one).toMatchObject({ host: 'f1', kind: expect.any(String) });
  });
});

describe('what the seed has beside its host', () => {
  it('has the bundles, its program out of the bundle, and the depot, which restarts when what it reads changes', async () => {
    const staged = [stagedFile('/srv/a.tar'), stagedFile('/srv/old.tar', { isServed: false })];
    const declared = await declare({ supply: { staged } });
    const { layout } = declared.seed;
    const wishes = await wishesOf(declared, 'm1', OWNERS.seed);
    const [served] = staged;
    expect(keysOf(wishes, 'bundle')).toEqual(['/srv/a.tar', '/srv/old.tar']);
    expect(specOf(wishes, 'bundle', '/srv/a.tar')).toEqual({
      digest: served?.digest,
      of: served?.of,
      isPlaced: served?.isPlaced,
      place: served?.place,
    });
    expect(specOf(wishes, 'executable', '/usr/local/bin/caisson').url).toBeUndefined();
    expect(keysOf(await wishesOf(declared, 'm1', OWNERS.host), 'executable')).toEqual([]);
    expect(specOf(wishes, 'unit', 'caisson-depot.service')).toEqual({
      restartOn: [
        '/etc/systemd/system/caisson-depot.service',
        '/usr/local/bin/caisson',
        `${layout.depot}/tls.crt`,
        `${layout.depot}/repository.key`,
      ],
      reloadOn: [],
    });
    const unit = await textOf(wishes, '/etc/systemd/system/caisson-depot.service');
    expect(unit).toContain(`serve /srv/a.tar --listen 0.0.0.0:5443 --tls-cert ${layout.depot}/tls.crt`);
    expect(unit).not.toMatch(/old\.tar|--online/);
    const [certificate] = specOf(wishes, 'certificate', 'depot').files;
    const { subjectAltName = '' } = new X509Certificate(String(await certificate?.content.read()));
    expect(subjectAltName.split(', ')).toEqual(expect.arrayContaining(['DNS:depot.caisson', 'IP Address:10.0.0.11']));
    const modes = (name: string) =>
      specOf(wishes, 'certificate', name).files.map(({ path, mode }) => `${path.split('/').at(-1)} ${mode.toString(8)}`);
    expect(modes('depot')).toEqual(['tls.crt 644', 'tls.key 600']);
    expect(modes('operator')).toEqual(['operator.crt 600', 'operator.key 600']);
  });

  it('listens on the family of its address, and fetches from upstream by secret settings where the bundle is supplied online', async () => {
    const depot = { name: 'depot.caisson', address: 'fd00::11', port: 5443 };
    const declared = await declare({ supply: { depot, online: { upstream: 'login: secret\n' } } });
    const { layout } = declared.seed;
    const wishes = await wishesOf(declared, 'm1', OWNERS.seed);
    const unit = await textOf(wishes, '/etc/systemd/system/caisson-depot.service');
    const settings = specOf(wishes, 'unit', 'caisson-depot.service').restartOn.at(-1) ?? '';
    expect(unit).toContain(`--online --upstream ${settings} --listen [::]:5443`);
    expect(unit).toContain('ProtectHome=read-only');
    expect(unit).toContain(`ReadWritePaths=${layout.bundles}`);
    expect(specOf(wishes, 'file', settings).mode).toBe(0o600);
    expect(await textOf(wishes, settings)).toBe('login: secret\n');
  });

  it('has a timer of backups where cluster.yaml has a schedule, and its service starts with no boot', async () => {
    const backup = 'backup: { directory: /backups, recipients: [/key.asc] }';
    for (const more of [[], [backup]])
      expect(keysOf(await wishesOf(await declare({ more }), 'm1', OWNERS.seed), 'unit')).not.toContain('caisson-backup.timer');
    const wishes = await wishesOf(await declare({ more: [backup.replace(' }', ', schedule: daily }')] }), 'm1', OWNERS.seed);
    const [service, timer] = ['/etc/systemd/system/caisson-backup.service', '/etc/systemd/system/caisson-backup.timer'] as const;
    expect(specOf(wishes, 'unit', 'caisson-backup.timer')).toEqual({ restartOn: [timer, service], reloadOn: [] });
    expect(await textOf(wishes, timer)).toMatch(/^OnCalendar=daily\nPersistent=true\n\n\[Install\]\nWantedBy=timers\.target$/m);
    const text = await textOf(wishes, service);
    expect(text).toContain('Type=oneshot\nExecStart=/usr/local/bin/caisson backup\n');
    expect(text).toContain('PrivateTmp=true\nNoNewPrivileges=true\n');
    expect(text).not.toContain('WantedBy');
  });

  it('has a timer of renewals unless cluster.yaml says never', async () => {
    const timersWith = async (...more: readonly string[]): Promise<readonly string[]> =>
      keysOf(await wishesOf(await declare({ more: [...more] }), 'm1', OWNERS.seed), 'unit').filter((key) => key.endsWith('.timer'));
    expect(await timersWith()).toEqual(['caisson-renewal.timer']);
    expect(await timersWith('certificates: { renewal: never }')).toEqual([]);
    const wishes = await wishesOf(await declare({ more: ['certificates: { renewal: "Sun 03:00" }'] }), 'm1', OWNERS.seed);
    expect(await textOf(wishes, '/etc/systemd/system/caisson-renewal.timer')).toContain('OnCalendar=Sun 03:00\n');
  });

  it('needs nothing of a node where it is none', async () => {
    const declared = await declare({ seed: 'outside' });
    expect(new Set((await wantedOn(declared, 'outside')).map(({ owner }) => owner))).toEqual(new Set([OWNERS.seed]));
    expect(await wishesOf(declared, 'm1', OWNERS.seed)).toEqual([]);
    expect(keysOf(await wishesOf(declared, 'm1', OWNERS.host), 'executable')).toEqual(['/usr/local/bin/caisson']);
  });
});

describe('what a component has on its host', () => {
  it('prepares the system: users, modules, sysctls, mounts, routes, and directories of its data', async () => {
    const wishes = await wishesOf(await declare(), 'f1', 'proxy');
    expect(specOf(wishes, 'user', 'proxy')).toEqual({ id: 300, home: '/opt/sample/proxy' });
    expect(specOf(wishes, 'module', 'br_netfilter')).toEqual({});
    expect(specOf(wishes, 'sysctl', 'net.ipv4.ip_forward')).toEqual({ value: '1' });
    expect(specOf(wishes, 'mount', '/opt/sample/mnt')).toEqual({ what: '10.0.0.12:/share', type: 'nfs', options: 'ro' });
    expect(specOf(wishes, 'route', '10.96.0.0/12')).toEqual({ via: '10.0.0.12' });
    expect(specOf(wishes, 'directory', '/opt/sample/proxy/data')).toEqual({ mode: 0o750, owner: '300:300', contents: 'data' });
    expect(keysOf(wishes, 'package')).toEqual(['ethtool']);
  });

  it('makes the directory that something is mounted on, and takes what is mounted as it is', async () => {
    const point = (await wantedOn(await declare(), 'f1')).find(({ kind, key }) => kind === 'directory' && key === '/opt/sample/mnt');
    expect(point).toMatchObject({ owner: 'proxy', spec: { mode: 0o755, isParent: true } });
  });

  it('keeps its hands off data that it has in a mount or a shared directory of another component', async () => {
    const web = RICH_MANIFESTS['components/web/component.yaml'] ?? '';
    const proxy = RICH_MANIFESTS['components/proxy/component.yaml'] ?? '';
    const declared = await declare({
      manifests: {
        ...RICH_MANIFESTS,
        'components/proxy/component.yaml': proxy.replace(
          'directories: [',
          'directories: [{ path: /srv/common, mode: "0711", shared: true }, ',
        ),
        'components/web/component.yaml': `${web}directories: [{ path: /opt/sample/mnt/web }, { path: /srv/common/web }, { path: /srv/common }, { path: /srv/commons }]
`,
      },
    });
    const wishes = await wishesOf(declared, 'f1', 'web');
    for (const path of ['/opt/sample/mnt/web', '/srv/common/web'])
      expect(specOf(wishes, 'directory', path)).toMatchObject({ contents: 'shared' });
    expect(specOf(wishes, 'directory', '/srv/commons')).toMatchObject({ contents: 'data' });
    expect(keysOf(wishes, 'directory')).not.toContain('/srv/common');
    expect(specOf(await wishesOf(declared, 'f1', 'proxy'), 'directory', '/srv/common')).toMatchObject({ mode: 0o711, contents: 'data' });
  });

  it('mounts what the choices of the site ask for', async () => {
    const text = RICH_MANIFESTS['components/proxy/component.yaml'] ?? '';
    const platform = `${RICH_MANIFESTS['platform.yaml'] ?? ''}options:
  - { name: storage, summary: Storage, default: none, choices: { none: { summary: None }, nas: { summary: One } } }
`;
    const manifests = {
      ...RICH_MANIFESTS,
      'platform.yaml': platform,
      'components/proxy/component.yaml': text.replace('mounts: [{ ', 'mounts: [{ when: { storage: [nas] }, '),
    };
    const mounts = async (...more: readonly string[]) => keysOf(await wishesOf(await declare({ manifests, more }), 'f1', 'proxy'), 'mount');
    expect(await mounts()).toEqual([]);
    expect(await mounts('options: { storage: nas }')).toEqual(['/opt/sample/mnt']);
  });

  it('installs what its packages recommend, too, where their set says so, and does so anew where the set begins to', async () => {
    const name = 'os/debian-12.yaml';
    const text = RICH_MANIFESTS[name] ?? '';
    const packagesWith = async (from: string, to: string) => {
      const wishes = await wishesOf(await declare({ manifests: { ...RICH_MANIFESTS, [name]: text.replace(from, to) } }), 'm1', OWNERS.host);
      return wishes.filter(({ kind }) => kind === 'package');
    };
    const plain = await packagesWith('', '');
    const recommending = await packagesWith('packages: [jq, socat]', 'packages: [jq, socat], recommends: true');
    expect(recommending.map(({ spec }) => spec)).toEqual([
      { version: '1.6-2.1', recommends: true },
      { version: '1.7.4.4-2', recommends: true },
    ]);
    for (const [index, { digest }] of plain.entries()) expect(recommending[index]?.digest).not.toBe(digest);
  });

  it.each<readonly [string, string, string]>([
    ['user proxy', 'id: 300', 'id: 301'],
    ['user proxy', 'home: "${var.root}/proxy"', 'home: /home/proxy'],
    ['sysctl net.ipv4.ip_forward', 'ip_forward: "1"', 'ip_forward: "0"'],
    ['mount /opt/sample/mnt', ':/share', ':/other'],
    ['mount /opt/sample/mnt', 'type: nfs', 'type: nfs4'],
    ['mount /opt/sample/mnt', 'options: ro', 'options: rw'],
    ['route 10.96.0.0/12', '12, via: "${node.address}"', '12, via: 10.0.0.99'],
    ['directory /opt/sample/proxy/data', 'mode: "0750"', 'mode: "0700"'],
    ['directory /opt/sample/proxy/data', 'owner: "300:300"', 'owner: "300:0"'],
    ['file /etc/proxy/start.conf', 'start.conf, template', 'start.conf, mode: "0600", template'],
    ['file /etc/proxy/start.conf', 'start.conf, template', 'start.conf, owner: "300:0", template'],
    ['artifact /opt/sample/bin/proxyctl', 'member: /proxyctl', 'member: /other'],
    ['artifact /opt/sample/bin/proxyctl', 'owner: "300:0"', 'owner: "0:0"'],
    ['artifact /opt/sample/bin/plugin', 'mode: "0644"', 'mode: "0600"'],
  ])('tells a %s that is declared otherwise by its digest: %s', async (id, from, to) => {
    const name = 'components/proxy/component.yaml';
    const text = RICH_MANIFESTS[name] ?? '';
    const digestsOf = async (manifests: Readonly<Record<string, string>>) =>
      new Map((await wishesOf(await declare({ manifests }), 'f1', 'proxy')).map((one) => [resourceId(one), one.digest]));
    expect(text).toContain(from);
    const [before, after] = [await digestsOf(RICH_MANIFESTS), await digestsOf({ ...RICH_MANIFESTS, [name]: text.replace(from, to) })];
    expect(before.get(id)).toBeDefined();
    expect(after.get(id)).toBeDefined();
    expect(after.get(id)).not.toBe(before.get(id));
    expect(after.get('module br_netfilter')).toBe(before.get('module br_netfilter'));
  });

  it('has files, certificates and key pairs, for their owners alone where they are secret', async () => {
    const declared = await declare();
    const proxy = await wishesOf(declared, 'f1', 'proxy');
    expect(await textOf(proxy, '/etc/proxy/proxy.conf')).toBe('name=f1\n');
    expect(specOf(proxy, 'keypair', 'proxy/tokens').files.map(({ path, mode, owner }) => [path, mode, owner])).toEqual([
      ['/etc/proxy/tokens.key', 0o600, 'proxy:proxy'],
      ['/etc/proxy/tokens.pub', 0o644, 'proxy:proxy'],
    ]);
    const store = await wishesOf(declared, 'm1', 'store');
    expect(specOf(store, 'certificate', 'store/tls').files.map(({ path }) => path)).toEqual(
      ['tls.crt', 'tls.key', 'ca.crt'].map((file) => `/opt/sample/ssl/${file}`),
    );
    expect(specOf(store, 'file', '/opt/sample/store.conf').mode).toBe(0o600);
  });

  it.each([
    ['acme/api:7.1.0', 'docker.io/acme/api:7.1.0'],
    ['index.docker.io/acme/api:7.1.0', 'docker.io/acme/api:7.1.0'],
    ['redis', 'docker.io/library/redis:latest'],
  ])('has the image %s of a component by the name of the bundle, and runs it by that name', async (written, name) => {
    const path = 'components/web/component.yaml';
    const web = RICH_MANIFESTS[path]?.replace('image: "registry.example/web:1"', `image: "${written}"`) ?? '';
    const declared = await declare({ manifests: { ...RICH_MANIFESTS, [path]: web } });
    const wishes = await wishesOf(declared, 'f1', 'web');
    expect(keysOf(wishes, 'image')).toEqual([name]);
    const definition = specOf(wishes, 'definition', '/opt/sample/conf/web.yaml');
    expect(String(await definition.content.read())).toContain(` ${name}`);
  });

  it('has all images that it names anywhere, from the depot by their digest, and none twice', async () => {
    const declared = await declare();
    const wishes = await wishesOf(declared, 'f1', 'proxy');
    expect([...keysOf(wishes, 'image')].sort()).toEqual(
      ['/job:1', '/proxy:1', '/tools:1', ':5000/pause:3'].map((name) => `registry.example${name}`),
    );
    const [platform] = declared.supply.bundle.manifest.images.find(({ name }) => name === 'registry.example:5000/pause:3')?.platforms ?? [];
    const pause = {
      name: 'registry.example:5000/pause:3',
      config: platform?.config.digest,
      source: `depot.caisson:5443/registry.example-5000/pause@${platform?.manifest.digest}`,
    };
    expect(specOf(wishes, 'image', 'registry.example:5000/pause:3')).toEqual(pause);
    expect(specOf(wishes, 'artifact', '/opt/sample/bin/proxyctl')).toMatchObject({
      mode: 0o755,
      owner: '300:0',
      from: { image: { name: 'registry.example/tools:1' }, member: '/proxyctl' },
    });
    expect(specOf(wishes, 'artifact', '/opt/sample/bin/plugin').mode).toBe(0o644);
  });

  it('restarts and reloads units that came with packages by the files that mean so', async () => {
    const wishes = await wishesOf(await declare(), 'f1', 'proxy');
    const spec = {
      restartOn: ['/etc/proxy/start.conf', '/etc/proxy/tokens.key', '/etc/proxy/tokens.pub', '/opt/sample/bin/proxyctl'],
      reloadOn: ['/etc/proxy/proxy.conf', '/opt/sample/bin/plugin'],
    };
    expect(keysOf(wishes, 'unit')).toEqual(['ethtool.service', 'proxy.timer']);
    for (const unit of ['ethtool.service', 'proxy.timer']) expect(specOf(wishes, 'unit', unit)).toEqual(spec);
  });

  it('is defined by one file, which says what it starts, which of that are containers, and how each takes new files', async () => {
    const { content, reload, ...rest } = specOf(
      await wishesOf(await declare(), 'f1', 'proxy'),
      'definition',
      '/opt/sample/conf/proxy.yaml',
    );
    expect(rest).toEqual({ mode: 0o644, services: ['front', 'helper', 'side'], containers: ['front'] });
    expect(reload?.commands).toEqual([
      ['docker', 'kill', '--signal', 'HUP', 'front'],
      ['systemctl', 'kill', '--signal', 'USR1', '--', 'helper'],
      ['/usr/bin/side', 'reload', 'f1'],
    ]);
    expect(String(await content.read())).toContain('name: front');
    const web = specOf(await wishesOf(await declare(), 'f1', 'web'), 'definition', '/opt/sample/conf/web.yaml');
    expect(web.reload).toBeUndefined();
  });
});

describe('wantedResources', () => {
  it('lists what all hosts and the seed want, each thing of a host once, and what each owner uses', async () => {
    const declared = await declare();
    const { resources, uses, releases } = await wantedResources(declared);
    const ids = resources.map((one) => `${one.host} ${resourceId(one)}`);
    expect(new Set(ids).size).toBe(ids.length);
    const each = await Promise.all(['m1', 'f1', 'f2'].map((host) => wantedOn(declared, host)));
    expect([...ids].sort()).toEqual(
      each
        .flat()
        .map((one) => `${one.host} ${resourceId(one)}`)
        .sort(),
    );
    expect(uses.get(usesKey('f1', 'proxy'))).toEqual(
      expect.arrayContaining(['directory /etc', 'sysctl net.ipv4.ip_forward', 'directory /opt/sample/bin']),
    );
    expect(uses.get(usesKey('m1', 'proxy'))).toBeUndefined();
    expect(Object.keys(releases).sort()).toEqual(['docker', 'proxy', 'store', 'web']);
    expect(new Set(Object.values(releases)).size).toBe(4);
  });

  it('makes each directory above a path, except the root, and leaves one that is declared as it is declared', async () => {
    const resources = await wantedOn(await declare(), 'f1');
    const parents = resources.flatMap((one) => (one.kind === 'directory' && one.spec.isParent === true ? [one.key] : []));
    for (const path of ['/etc/proxy', '/opt/sample/bin', '/opt/sample', '/opt', '/etc/caisson/pki']) expect(parents).toContain(path);
    expect(parents.filter((path) => ['/', '.', '/opt/sample/conf'].includes(path))).toEqual([]);
    expect(specOf(resources, 'directory', '/opt/sample/conf')).toEqual({ mode: 0o755 });
  });

  it('lets a declared directory win over one that only stands above a path, whichever comes first', async () => {
    const proxy = RICH_MANIFESTS['components/proxy/component.yaml'] ?? '';
    const above = proxy.replace(
      'directories: [',
      'directories: [{ path: /etc/docker, mode: "0700" }, { path: /etc/proxy, mode: "0711" }, ',
    );
    const resources = await wantedOn(await declare({ manifests: { ...RICH_MANIFESTS, 'components/proxy/component.yaml': above } }), 'f1');
    expect(specOf(resources, 'directory', '/etc/docker')).toMatchObject({ mode: 0o700, contents: 'data' });
    expect(specOf(resources, 'directory', '/etc/proxy')).toMatchObject({ mode: 0o711 });
  });

  const withModule = (sysctl: string): Readonly<Record<string, string>> => ({
    ...RICH_MANIFESTS,
    'components/web/component.yaml': `${RICH_MANIFESTS['components/web/component.yaml'] ?? ''}sysctls: { net.ipv4.ip_forward: "${sysctl}" }\n`,
  });

  it('gives what two owners want alike to the first', async () => {
    const resources = await wantedOn(await declare({ manifests: withModule('1') }), 'f1');
    expect(resources.filter(({ kind }) => kind === 'sysctl')).toHaveLength(1);
  });

  it('refuses what two owners want differently, by the names of both', async () => {
    await expect(wantedResources(await declare({ manifests: withModule('0') }))).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringMatching(
        /^Cannot plan sysctl "net\.ipv4\.ip_forward" on "f1": "(?:web" and "proxy|proxy" and "web)" want it differently$/,
      ),
    });
  });

  it.each<readonly [string, Parameters<typeof declare>[0], string]>([
    [
      'an image',
      {
        manifests: {
          ...RICH_MANIFESTS,
          'components/web/component.yaml': RICH_MANIFESTS['components/web/component.yaml']?.replace('web:1', 'web:2') ?? '',
        },
      },
      'Cannot give "registry.example/web:2" to "f1": the bundle does not hold it',
    ],
    [
      'a package',
      {
        manifests: {
          ...RICH_MANIFESTS,
          'os/debian-12.yaml': RICH_MANIFESTS['os/debian-12.yaml']?.replace('ethtool', 'gone, ethtool') ?? '',
        },
      },
      'Cannot install packages on "f1": the bundle has no gone for debian-12 on amd64',
    ],
  ])('refuses hosts for which the bundle lacks %s', async (_, parts, message) => {
    await expect(wantedResources(await declare(parts))).rejects.toMatchObject({
      code: 'HOSTS_UNFIT',
      message: expect.stringContaining(message),
      hint: expect.stringMatching(/^Build a bundle/),
    });
  });

  it('refuses a seed for whose CPU the bundle has no program', async () => {
    const declared = await declare({ seed: 'outside' });
    const observed = { ...declared.observed, architectures: new Map([['outside', 'arm64']]) };
    await expect(wantedOn({ ...declared, observed }, 'outside')).rejects.toMatchObject({
      code: 'HOSTS_UNFIT',
      message: expect.stringMatching(/^Cannot install on arm64 hosts: the bundle has no "caisson-linux-arm64", it is for .*amd64/),
      hint: 'Build a bundle with --platform linux/arm64',
    });
  });

  it('refuses a node for whose CPU the bundle has no image', async () => {
    const declared = await declare();
    const architectures = new Map([...declared.observed.architectures, ['m1', 's390x']]);
    await expect(wantedOn({ ...declared, observed: { ...declared.observed, architectures } }, 'm1')).rejects.toMatchObject({
      code: 'HOSTS_UNFIT',
      message: expect.stringContaining('s390x'),
    });
  });

  it('refuses a host whose operating system has no repository in the bundle', async () => {
    const declared = await declare();
    await expect(wantedOn({ ...declared, observed: { ...declared.observed, systems: new Map() } }, 'f1')).rejects.toMatchObject({
      code: 'HOSTS_UNFIT',
      message: 'Cannot install packages on "f1": the bundle has none for unknown, it has debian-12',
    });
  });

  it('gives a component another release when one of its images is another, and then alone', async () => {
    const declared = await declare();
    const { releases } = await wantedResources(declared);
    const { manifest } = declared.supply.bundle;
    const images = manifest.images.map((image) => ({
      ...image,
      platforms: image.platforms.map((one) => ({
        ...one,
        config: { ...one.config, digest: image.name === 'registry.example/job:1' ? digestOf('other') : one.config.digest },
      })),
    }));
    const { bundle } = declared.supply;
    const other = {
      manifest: { ...manifest, images },
      bundleDigest: bundle.bundleDigest,
      entry: bundle.entry.bind(bundle),
      open: bundle.open.bind(bundle),
      read: bundle.read.bind(bundle),
    };
    const next = (await wantedResources({ ...declared, supply: { ...declared.supply, bundle: other } })).releases;
    expect(Object.keys(releases).filter((name) => next[name] !== releases[name])).toEqual(['proxy']);
  });
});
