import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/core/index.ts';
import {
  generateRepositoryKey,
  packageFormat,
  UnsolvableError,
  type FetchFile,
  type LockedSystem,
  type PackageSet,
  type RepositoryKeyPair,
} from '../../../src/ospkg/index.ts';
import { requireSignedPackage } from '../../../src/ospkg/rpm/package-signature.ts';
import { ask } from '../../support/ask.ts';
import { makeRpmVendor, type RpmVendor, type SpecPackage } from '../../support/rpm-vendor.ts';
import { useSharedTempDir } from '../../support/temp-dir.ts';

const format = packageFormat('rpm');
const PACKAGES: readonly SpecPackage[] = [
  {
    name: 'app',
    lines: [
      'Epoch: 2',
      'Requires: lib >= 1:0.5',
      'Requires: /usr/share/data/table',
      'Requires: (tool if lib else nothing)',
      'Recommends: extra',
    ],
    files: ['/usr/bin/app'],
  },
  { name: 'lib', lines: ['Epoch: 1', 'Provides: lib(x) = 3', 'Obsoletes: oldlib < 2'], files: ['/usr/lib/lib.so'] },
  { name: 'data', files: ['/usr/share/data/table', '/usr/share/data/unneeded'] },
  { name: 'tool', files: ['/usr/bin/tool'] },
  { name: 'extra', files: ['/etc/extra.conf'] },
  { name: 'loose', files: ['/etc/loose.conf'] },
  { name: 'enemy', lines: ['Conflicts: lib(x) >= 3'], files: ['/etc/enemy.conf'] },
];
const DATE = new Date('2026-01-02T03:04:05Z');

const fetch: FetchFile = async (url) => readFile(fileURLToPath(url)).catch(() => undefined);

async function lock(vendor: RpmVendor, sets: readonly PackageSet[], signed: 'metadata' | 'packages' = 'metadata'): Promise<LockedSystem> {
  const repositories = [{ url: `file://${vendor.repository}`, signedBy: 'keys/vendor.asc', signed, prefer: [] }];
  const system = { packages: 'rpm' as const, repositories, exclude: [], base: { packages: ['extra'] }, packageSets: [] };
  const source = await format.sourceOf(system, async () => vendor.publicKey);
  const loaded = await format.load({ id: 'rocky-9', architecture: 'x86_64', source, sets }, { fetch, clock: systemClock });
  return loaded.close();
}

describe('a repository of a bundle', () => {
  const directory = useSharedTempDir();
  let vendor: RpmVendor;
  let key: RepositoryKeyPair;
  let locked: LockedSystem;
  let served: string;

  beforeAll(async () => {
    const place = join(directory(), 'vendor');
    mkdirSync(place);
    vendor = await makeRpmVendor(place, PACKAGES, { unsigned: ['loose'] });
    key = await generateRepositoryKey({ userId: 'Site', date: new Date('2025-01-01T00:00:00Z') });
    locked = await lock(vendor, [{ name: 'apps', packages: ['app'] }]);
    served = await serve(locked);
  }, 120_000);

  /** Writes what a site serves to a directory. */
  async function serve(system: LockedSystem): Promise<string> {
    const written = format.write([system], { id: 'rocky-9', label: 'demo', date: DATE });
    const root = join(directory(), 'served');
    const put = (path: string, bytes: Uint8Array): void => {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), bytes);
    };
    for (const [path, bytes] of written.metadata) put(path, bytes);
    for (const { path, record } of written.packages) put(path, readFileSync(fileURLToPath(`${record.repository}/${record.filename}`)));
    const read = async (path: string): Promise<Buffer> => readFile(join(root, path));
    for (const [path, bytes] of await format.sign(written.repository, { key, date: DATE, read }))
      put(`${written.repository.path}/${path}`, bytes);
    put('site.asc', Buffer.from(key.publicKey));
    const url = `file://${root}/${written.repository.path}`;
    const lines = format.clientSetup(written.repository, { url, keyUrl: `file://${root}/site.asc` });
    put('conf/caisson.repo', Buffer.from(lines.slice(1, -1).join('\n')));
    return root;
  }

  async function dnf(...argv: readonly string[]): Promise<string> {
    const work = join(directory(), 'work');
    const settings = [
      `--installroot=${join(work, 'root')}`,
      '--releasever=9',
      '--forcearch=x86_64',
      `--setopt=reposdir=${join(served, 'conf')}`,
    ];
    const places = [
      `--setopt=cachedir=${join(work, 'cache')}`,
      '--setopt=plugins=False',
      '--setopt=install_weak_deps=False',
      '--setopt=best=True',
    ];
    return (await ask(directory(), 'dnf', '-y', ...settings, ...places, ...argv)).stdout;
  }

  it('has the packages that the set and the base need', () => {
    expect(locked.packages.map(({ name, version, sets }) => [name, version, sets])).toEqual([
      ['app', '2:1.0-1', ['apps']],
      ['data', '1.0-1', ['apps']],
      ['extra', '1.0-1', ['base']],
      ['lib', '1:1.0-1', ['apps']],
      ['tool', '1.0-1', ['apps']],
    ]);
  });

  it('is read by createrepo_c as it was meant', async () => {
    const repository = join(served, 'rpm/rocky-9');
    mkdirSync(join(directory(), 'again'));
    await ask(directory(), 'createrepo_c', '--no-database', '--outputdir', join(directory(), 'again'), repository);
    await ask(directory(), 'cp', '-r', join(repository, 'Packages'), join(directory(), 'again'));
    const { stdout } = await ask(
      directory(),
      'dnf',
      'repoquery',
      '--quiet',
      '--forcearch=x86_64',
      '--releasever=9',
      '--setopt=plugins=False',
      `--setopt=cachedir=${join(directory(), 'query')}`,
      `--repofrompath=ours,file://${repository}`,
      `--repofrompath=theirs,file://${join(directory(), 'again')}`,
      '--repo=ours',
      '--repo=theirs',
      '--queryformat=%{repoid} %{epoch} %{name} %{requires} %{provides} %{obsoletes}',
    );
    const of = (repo: string): string[] =>
      stdout
        .split('\n\n')
        .join('\n')
        .split(/\n(?=ours |theirs )/)
        .filter((text) => text.startsWith(`${repo} `))
        .map((text) => text.slice(repo.length + 1).trim())
        .sort();
    expect(of('ours')).toHaveLength(5);
    expect(of('ours')).toEqual(of('theirs'));
  });

  it('is installed by dnf into an empty root, with the signatures of the metadata and of every package checked', async () => {
    await dnf('makecache');
    await dnf('install', 'app', 'extra');
    const root = join(directory(), 'work/root');
    const { stdout } = await ask(
      directory(),
      'rpm',
      '--root',
      root,
      '-qa',
      '--queryformat',
      '%{NAME} %{SIGPGP:pgpsig}%{RSAHEADER:pgpsig}\n',
    );
    const installed = stdout.split('\n').filter((line) => line !== '' && !line.startsWith('gpg-pubkey'));
    expect(installed.map((line) => line.split(' ')[0]).sort()).toEqual(['app', 'data', 'extra', 'lib', 'tool']);
    expect(installed.filter((line) => !line.includes('RSA/SHA256'))).toEqual([]);
  }, 60_000);

  it('is refused by dnf when its metadata was changed', async () => {
    const repomd = join(served, 'rpm/rocky-9/repodata/repomd.xml');
    const original = readFileSync(repomd);
    writeFileSync(repomd, original.toString().replace('<revision>', '<revision>1'));
    await expect(dnf('--refresh', 'makecache')).rejects.toThrow(/GPG|signature/i);
    writeFileSync(repomd, original);
  });

  it('is not made of a package that nobody signed', async () => {
    await expect(lock(vendor, [{ name: 'bad', packages: ['loose'] }])).rejects.toMatchObject({ code: 'REPOSITORY_UNTRUSTED' });
  });

  it('is not made of packages that conflict, and the reason names both sets', async () => {
    const sets = [
      { name: 'one', packages: ['app'] },
      { name: 'two', packages: ['enemy'] },
    ];
    const source = lockTogether(sets);
    const error = await source.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UnsolvableError);
    expect(String(error)).toMatch(/package set "one".*package set "two"/s);
    expect(String(error)).toContain('"enemy-1.0-1.noarch" conflicts with "lib(x) >= 3"');
  });

  async function lockTogether(sets: readonly PackageSet[]): Promise<LockedSystem> {
    const repositories = [{ url: `file://${vendor.repository}`, signedBy: 'k.asc', signed: 'metadata' as const, prefer: [] }];
    const system = { packages: 'rpm' as const, repositories, exclude: [], base: { packages: [] }, packageSets: [] };
    const from = await format.sourceOf(system, async () => vendor.publicKey);
    const request = { id: 'rocky-9', architecture: 'x86_64', source: from, sets, together: [sets.map(({ name }) => name)] };
    return (await format.load(request, { fetch, clock: systemClock })).close();
  }

  it('may come from a repository that signs its packages alone, when the manifest says so', async () => {
    const asc = join(vendor.repository, 'repodata/repomd.xml.asc');
    const signature = readFileSync(asc);
    await ask(directory(), 'rm', asc);
    const sets = [{ name: 'apps', packages: ['tool'] }];
    await expect(lock(vendor, sets)).rejects.toMatchObject({ code: 'REPOSITORY_UNTRUSTED' });
    expect((await lock(vendor, sets, 'packages')).packages.map(({ name }) => name)).toEqual(['extra', 'tool']);
    writeFileSync(asc, signature);
  });

  it('has signatures that rpmkeys believes, and so do we; a changed package neither', async () => {
    const keys = [vendor.publicKey.toString()];
    const identity = { name: 'tool', version: '1.0-1', architecture: 'noarch' };
    const bytes = readFileSync(vendor.fileOf('tool'));
    const database = join(directory(), 'keys');
    mkdirSync(database);
    writeFileSync(join(directory(), 'vendor.asc'), vendor.publicKey);
    await ask(directory(), 'rpmkeys', '--dbpath', database, '--import', join(directory(), 'vendor.asc'));
    await ask(directory(), 'rpmkeys', '--dbpath', database, '--checksig', vendor.fileOf('tool'));
    await expect(requireSignedPackage(bytes, identity, keys, 'tool.rpm')).resolves.toBeUndefined();
    const changed = join(directory(), 'changed.rpm');
    for (const at of [bytes.byteLength - 1, bytes.byteLength - 200]) {
      const other = Buffer.from(bytes);
      other.writeUInt8(other.readUInt8(at) ^ 1, at);
      writeFileSync(changed, other);
      await expect(ask(directory(), 'rpmkeys', '--dbpath', database, '--checksig', changed)).rejects.toThrow(/checksig/);
      await expect(requireSignedPackage(other, identity, keys, 'tool.rpm')).rejects.toMatchObject({ code: 'REPOSITORY_UNTRUSTED' });
    }
  });
});
