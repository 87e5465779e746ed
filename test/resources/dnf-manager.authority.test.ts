import { createReadStream } from 'node:fs';
import { access, appendFile, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { digestOf, type Event } from '../../src/core/index.ts';
import { openLocalHost, runChecked } from '../../src/host/index.ts';
import { dnfManager } from '../../src/resources/packages/dnf/dnf-manager.ts';
import { fixedContent } from '../../src/resources/content.ts';
import { relocatedHost } from '../support/relocated-host.ts';
import { rpmRoot, rpmWorkshop, type RpmWorkshop } from '../support/rpm-repository.ts';
import { Installer } from '../support/simulated-machine.ts';
import { useSharedTempDir, useTempDir } from '../support/temp-dir.ts';
import { startTlsServer, testAuthority } from '../support/test-certificates.ts';

const shared = useSharedTempDir();
const directory = useTempDir();
const signal = new AbortController().signal;
const OWNER = `${userInfo().uid}:${userInfo().gid}`;

let workshop: RpmWorkshop;
beforeAll(async () => {
  workshop = await rpmWorkshop(shared(), [
    { name: 'lib', version: '1' },
    { name: 'lib', version: '2' },
    { name: 'app', version: '1', lines: ['Requires: lib'] },
    { name: 'app', version: '2', lines: ['Epoch: 1', 'Requires: lib >= 2', 'Recommends: extra'] },
    { name: 'extra', version: '1' },
    { name: 'report', version: '1', lines: ['Requires: app'] },
    { name: 'old-fashioned', version: '1', lines: ['Requires: lib = 1'] },
    { name: 'successor', version: '1', lines: ['Obsoletes: lib < 9'] },
    { name: 'foe', version: '1', lines: ['Conflicts: lib'] },
    { name: 'unsigned', version: '1', isSigned: false },
    { name: 'needless', version: '1' },
    { name: 'one-of-several-with-a-name-that-fills-a-line-of-its-own-in-every-table', version: '1', lines: ['Requires: lib'] },
  ]);
});

const LONG = 'one-of-several-with-a-name-that-fills-a-line-of-its-own-in-every-table';
const ALL = ['lib-2', 'app-2', 'extra-1', 'report-1', 'successor-1', 'foe-1', 'unsigned-1', 'needless-1', `${LONG}-1`];

/** A host whose packages are in a directory, and a depot that serves `packages`. */
async function site(packages: readonly string[] = ALL) {
  const { programs, root } = await rpmRoot(directory());
  const repository = join(directory(), 'depot/rpm/sample-9');
  await workshop.publish(repository, packages);
  const authority = await testAuthority();
  const requests: string[] = [];
  const server = await startTlsServer(await authority.issue(['localhost']), (request, response) => {
    requests.push(request.url ?? '');
    createReadStream(join(directory(), 'depot', request.url ?? ''))
      .on('error', () => response.writeHead(404).end())
      .pipe(response);
  });
  const places = { '/etc/caisson': join(directory(), 'etc'), '/var/lib/caisson': join(directory(), 'state') };
  const moved = (text: string): string => Object.entries(places).reduce((one, [from, to]) => one.replaceAll(from, to), text);
  const installer = new Installer();
  const host = relocatedHost(openLocalHost({ name: 'here' }), { places, installer, programs });
  const events: Event[] = [];
  const options = { signal, emit: (event: Event) => void events.push(event) };
  const url = `https://localhost:${server.port}`;
  const source = dnfManager.access({
    repository: { id: 'sample-9', type: 'rpm', path: 'rpm/sample-9', architectures: ['x86_64'], keys: [], packages: [] },
    depot: url,
    key: fixedContent(workshop.siteKey),
    vendorKeys: [fixedContent(workshop.vendorKey)],
  });
  await mkdir(places['/var/lib/caisson']);
  // dnf looks for its cache below the root.
  await mkdir(join(root, directory()), { recursive: true });
  await symlink(places['/var/lib/caisson'], join(root, places['/var/lib/caisson']));
  await mkdir(join(places['/etc/caisson'], 'pki'), { recursive: true });
  await mkdir(join(places['/etc/caisson'], 'dnf/repos'), { recursive: true });
  await writeFile(join(places['/etc/caisson'], 'pki/ca.crt'), authority.cert);
  for (const { path, content } of source.files) await writeFile(moved(path), moved(String(await content.read())));
  const rpm = async (...words: readonly string[]) => runChecked(host, { argv: ['rpm', ...words] });
  return {
    ...{ host, source, events, options, requests, repository, root, url, places, authority },
    refresh: () => dnfManager.refresh(host, source, options),
    install: (names: readonly string[], recommends = false) => dnfManager.install(host, names, { ...options, recommends }),
    remove: (...names: readonly string[]) => dnfManager.remove(host, names, { ...options, purge: false }),
    /** Puts packages on the host as its owner would. */
    had: (...packages: readonly string[]) =>
      rpm('--install', '--nosignature', ...packages.map((one) => join(shared(), 'RPMS/noarch', `${one}-1.noarch.rpm`))),
    installed: async () => {
      const { stdout } = await rpm('--query', '--all', '--queryformat=%{NAME}-%{VERSION}\\n');
      return stdout
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('gpg-pubkey'))
        .sort();
    },
    close: () => server.close(),
  };
}

describe('an install that dnf tries before any depot serves', () => {
  async function simulate({ host }: Awaited<ReturnType<typeof site>>, names: readonly string[], recommends = false) {
    const simulator = await dnfManager.simulator({
      repository: { id: 'sample-9', type: 'rpm', path: 'rpm/sample-9', architectures: ['x86_64'], keys: [], packages: [] },
      architecture: 'x86_64',
      date: new Date(Date.now() - 86_400_000),
      read: (path) => readFile(join(directory(), 'depot', path)),
    });
    return simulator(
      host,
      names.map((name) => ({ name, recommends })),
      signal,
    );
  }

  it('says what comes, and leaves the host and its depot alone', async () => {
    const made = await site();
    await made.had('lib-1');
    const before = await made.installed();
    expect(await simulate(made, ['app', LONG])).toEqual({
      installs: expect.arrayContaining([
        { name: 'app', version: '1:2-1' },
        { name: LONG, version: '1-1' },
      ]),
      upgrades: [{ name: 'lib', before: '0:1-1', version: '2-1' }],
      problems: [],
    });
    expect((await simulate(made, ['app'], true)).installs.map(({ name }) => name).sort()).toEqual(['app', 'extra']);
    expect(await made.installed()).toEqual(before);
    expect(made.requests).toEqual([]);
    await made.close();
  });

  it('names what would go', async () => {
    const made = await site();
    await made.had('lib-1', 'old-fashioned-1');
    expect((await simulate(made, ['app'])).problems).toEqual([
      {
        problem: 'installing the packages of the bundle would remove old-fashioned 0:1-1',
        remedy: expect.stringContaining('dnf remove old-fashioned'),
      },
    ]);
    await made.close();
  });

  it('names what would be replaced under another name, and what is not there', async () => {
    const made = await site();
    await made.had('lib-1');
    expect((await simulate(made, ['successor'])).problems.map(({ problem }) => problem)).toEqual([
      expect.stringMatching(/would remove lib 0:1-1/),
    ]);
    expect((await simulate(made, ['nowhere'])).problems.map(({ problem }) => problem)).toEqual([
      expect.stringMatching(/its package tool would refuse the packages of the bundle: .*nowhere/),
    ]);
    await made.close();
  });
});

describe('dnf with our configuration', () => {
  it('installs from the depot with what is needed, and has nothing to do the second time', async () => {
    const { refresh, install, installed, host, source, close, requests } = await site();
    await refresh();
    expect(String(await readFile(join(directory(), 'state/dnf/repomd.xml')))).toContain('<repomd');
    expect(source.metadata).toBe('/var/lib/caisson/dnf/repomd.xml');
    await install(['app']);
    expect(await installed()).toEqual(['app-2', 'lib-2']);
    expect(await dnfManager.installed(host, ['app', 'lib', 'unknown'], signal)).toEqual(
      new Map([
        ['app', '1:2-1'],
        ['lib', '2-1'],
      ]),
    );
    const { stdout } = await runChecked(host, { argv: ['rpm', '--query', '--queryformat=%{SUMMARY}\\n', 'gpg-pubkey'] });
    expect(stdout).toMatch(/^\S*Vendor \S+ [^\n]*\n$/);
    const asked = requests.length;
    await install(['app']);
    expect(await installed()).toEqual(['app-2', 'lib-2']);
    expect(requests).toHaveLength(asked);
    await close();
  });

  it('takes what is recommended where that is asked for', async () => {
    const { refresh, install, installed, close } = await site();
    await refresh();
    await install(['app'], true);
    expect(await installed()).toEqual(['app-2', 'extra-1', 'lib-2']);
    await close();
  });

  it('moves an older version of the host to that of the bundle', async () => {
    const { refresh, install, installed, had, close } = await site();
    await had('lib-1', 'app-1');
    await refresh();
    await install(['app']);
    expect(await installed()).toEqual(['app-2', 'lib-2']);
    await close();
  });

  it('reads neither the configuration nor the repositories nor the proxy of the host, and changes none of them', async () => {
    const { refresh, install, installed, root, host, source, options, close } = await site();
    const own = {
      'etc/dnf/dnf.conf': '[main]\nexclude=app\nproxy=http://127.0.0.1:9\n',
      'etc/yum.repos.d/site.repo': '[site]\nname=site\nbaseurl=https://127.0.0.1:9/\nenabled=1\n',
    };
    for (const [path, text] of Object.entries(own)) {
      await mkdir(join(root, path, '..'), { recursive: true });
      await writeFile(join(root, path), text);
    }
    const proxies = { http_proxy: 'http://127.0.0.1:9', https_proxy: 'http://127.0.0.1:9', ALL_PROXY: 'http://127.0.0.1:9' };
    const run = host.run.bind(host);
    const behind = {
      ...host,
      run: ((command, options) => run({ ...command, env: { ...proxies, ...command.env } }, options)) as typeof run,
    };
    await refresh();
    await dnfManager.refresh(behind, source, options);
    await install(['app']);
    expect(await installed()).toEqual(['app-2', 'lib-2']);
    for (const [path, text] of Object.entries(own)) expect(await readFile(join(root, path), 'utf8')).toBe(text);
    expect(await readdir(join(root, 'etc/yum.repos.d'))).toEqual(['site.repo']);
    await close();
  });

  it('refuses a package without a signature, although the metadata have one', async () => {
    const { refresh, install, installed, close } = await site();
    await refresh();
    await expect(install(['unsigned'])).rejects.toThrow(/not signed/);
    expect(await installed()).toEqual([]);
    await close();
  });

  it('refuses a package that is another than the metadata say', async () => {
    const { refresh, install, installed, repository, close } = await site();
    await refresh();
    await appendFile(join(repository, 'lib-2-1.noarch.rpm'), 'x');
    await expect(install(['app'])).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
    expect(await installed()).toEqual([]);
    await close();
  });

  it('refuses metadata that were changed after they were signed', async () => {
    const { refresh, repository, close } = await site();
    await appendFile(join(repository, 'repodata/repomd.xml'), ' ');
    await expect(refresh()).rejects.toThrow(/GPG signature verification error/);
    await expect(access(join(directory(), 'state/dnf/repomd.xml'))).rejects.toThrow('ENOENT');
    await close();
  });

  it('refuses metadata that a vendor of packages has signed', async () => {
    const { refresh, repository, close } = await site();
    await workshop.signAsVendor(repository);
    await expect(refresh()).rejects.toThrow(/GPG signature verification error/);
    await close();
  });

  it('refuses a package of a vendor whose key the bundle does not have', async () => {
    const { refresh, install, installed, places, close } = await site();
    await rm(join(places['/etc/caisson'], 'dnf/vendor-1.asc'));
    await refresh();
    await expect(install(['app'])).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
    expect(await installed()).toEqual([]);
    await close();
  });

  it('refuses a depot with a certificate of another authority', async () => {
    const { refresh, places, close } = await site();
    await writeFile(join(places['/etc/caisson'], 'pki/ca.crt'), (await testAuthority()).cert);
    await expect(refresh()).rejects.toThrow(/SSL|certificate/);
    await close();
  });

  it('sees packages of the bundle that came last', async () => {
    const { refresh, install, installed, repository, close } = await site(['lib-1', 'app-1']);
    await refresh();
    await install(['app']);
    await workshop.publish(repository, ALL);
    await refresh();
    await install(['app']);
    expect(await installed()).toEqual(['app-2', 'lib-2']);
    await close();
  });
});

describe('an install', () => {
  it.each([
    ['replace a package of the host under another name', 'successor', /protected packages: lib/],
    ['remove a package of the host that it conflicts with', 'foe', /protected packages: lib|conflicts/],
    ['downgrade a package of the host', 'old-fashioned', /older version of these packages would be needed, and none is downgraded: lib/],
    ['install a part of what was asked for', 'app unknown', /unknown/],
  ])('does not %s', async (_, names, message) => {
    const { refresh, install, installed, had, close } = await site(['lib-1', ...ALL, 'old-fashioned-1'].filter((one) => one !== 'app-2'));
    await had('lib-2');
    await refresh();
    await expect(install(names.split(' '))).rejects.toMatchObject({ stderr: expect.stringMatching(message) });
    expect(await installed()).toEqual(['lib-2']);
    await close();
  });

  it('leaves a newer version of the host as it is', async () => {
    const { refresh, install, installed, had, close } = await site(['lib-1']);
    await had('lib-2');
    await refresh();
    await install(['lib']);
    expect(await installed()).toEqual(['lib-2']);
    await close();
  });

  it('waits while another dnf works', async () => {
    const { refresh, options, installed, root, host, events, close } = await site();
    await refresh();
    const lock = join(root, 'var/lib/dnf/rpmdb_lock.pid');
    await mkdir(join(root, 'var/lib/dnf'), { recursive: true });
    await writeFile(lock, String(process.pid));
    let slept = 0;
    const sleep = async () => {
      slept += 1;
      await rm(lock);
    };
    await dnfManager.install(host, ['app'], { ...options, sleep, recommends: false });
    expect(slept).toBe(1);
    expect(events).toEqual([{ type: 'note', message: 'Waiting on here until another process is done with its packages' }]);
    expect(await installed()).toEqual(['app-2', 'lib-2']);
    await close();
  });
});

describe('a removal', () => {
  it('takes along what came with the packages, and not what was needless before', async () => {
    const { refresh, install, installed, remove, host, close } = await site();
    await refresh();
    await install(['app', 'needless', LONG]);
    await runChecked(host, { argv: ['dnf', 'mark', 'remove', 'needless'] });
    await remove('app', 'unknown', LONG);
    expect(await installed()).toEqual(['needless-1']);
    await close();
  });

  it('leaves a package that one of others needs, and says so', async () => {
    const { refresh, install, installed, remove, events, close } = await site();
    await refresh();
    await install(['app', 'extra', 'report']);
    await remove('app', 'extra');
    expect(await installed()).toEqual(['app-2', 'lib-2', 'report-1']);
    expect(events).toEqual([{ type: 'note', message: 'Leaving package "app" on here: report needs it' }]);
    await close();
  });

  it('ends one that was interrupted', async () => {
    const { refresh, install, installed, remove, host, close } = await site();
    await refresh();
    await install(['app']);
    await writeFile(join(directory(), 'state/removing-packages'), 'app\nlib\n');
    await runChecked(host, { argv: ['rpm', '--erase', 'app'] });
    await remove('app');
    expect(await installed()).toEqual([]);
    await expect(access(join(directory(), 'state/removing-packages'))).rejects.toThrow('ENOENT');
    await close();
  });
});

describe('recovery', () => {
  it('erases the old version of a package whose update was interrupted, and touches no others', async () => {
    const { host, options, installed, had, close } = await site();
    await had('lib-1', 'extra-1');
    await had('lib-2');
    await dnfManager.recover(host, options);
    expect(await installed()).toEqual(['extra-1', 'lib-1', 'lib-2']);
    await mkdir(join(directory(), 'state/dnf'), { recursive: true });
    await writeFile(join(directory(), 'state/dnf/installing'), '');
    await dnfManager.recover(host, options);
    expect(await installed()).toEqual(['extra-1', 'lib-2']);
    await close();
  });
});

describe('the questions of preflight', () => {
  it('name the package of a file, and packages that are there in two versions', async () => {
    const { host, had, close } = await site();
    await had('lib-1', 'extra-1');
    await had('lib-2');
    const ask = async (script: string, ...words: readonly string[]): Promise<string> =>
      (await host.run({ argv: ['/bin/sh', '-c', script, 'sh', ...words] })).stdout;
    expect(await ask(dnfManager.probe.broken)).toBe('broken lib\n');
    await had('app-2');
    expect(await ask(dnfManager.probe.packageOf, '/opt/extra-1')).toBe('extra\n');
    expect(await ask(dnfManager.probe.packageOf, '/etc/passwd')).toBe('');
    await close();
  });
});

describe('a download', () => {
  it('checks certificate and digest, then gives the file owner, mode and name', async () => {
    const { host, url, places, close } = await site();
    await writeFile(join(directory(), 'depot/program'), 'program');
    const path = join(directory(), 'new/program');
    const wanted = { url: `${url}/program`, path, mode: 0o750, owner: OWNER };
    await expect(dnfManager.download(host, { ...wanted, digest: digestOf('other') }, signal)).rejects.toThrow('does not have the digest');
    await expect(dnfManager.download(host, { ...wanted, url: `${url}/none`, digest: undefined }, signal)).rejects.toThrow('404');
    expect(await readdir(join(directory(), 'new'))).toEqual([]);
    await dnfManager.download(host, { ...wanted, digest: digestOf('program') }, signal);
    expect(await readFile(path, 'utf8')).toBe('program');
    expect((await stat(path)).mode & 0o7777).toBe(0o750);
    await writeFile(join(places['/etc/caisson'], 'pki/ca.crt'), (await testAuthority()).cert);
    await rm(path);
    await expect(dnfManager.download(host, { ...wanted, digest: digestOf('program') }, signal)).rejects.toMatchObject({
      stderr: expect.stringContaining('certificate'),
    });
    await expect(access(path)).rejects.toThrow('ENOENT');
    await close();
  });
});
