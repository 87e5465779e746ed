import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, open, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openBundle } from '../../src/bundle/index.ts';
import { silent, systemClock } from '../../src/core/index.ts';
import { makeRepositoryKey, startDepot, type RunningDepot, type StartDepotOptions } from '../../src/depot/index.ts';
import type { RepositoryKeyPair } from '../../src/ospkg/index.ts';
import { createAuthority, issueCertificate, type KeyPair } from '../../src/pki/index.ts';
import { aptBundle } from '../support/apt-bundle.ts';
import { SMALL_BUNDLE_DATE, writeSmallBundle, type SmallBundle } from '../support/small-bundle.ts';

const run = promisify(execFile);

/** apt-get in a directory of its own, with an empty dpkg status, that knows one repository. */
class PrivateApt {
  readonly root: string;
  readonly #flags: readonly string[];

  constructor(root: string, options: Readonly<Record<string, string>> = {}) {
    this.root = root;
    const all = {
      Dir: root,
      'Dir::State::status': join(root, 'status'),
      'Dir::Etc::parts': '/nonexistent',
      'APT::Architecture': 'amd64',
      'APT::Sandbox::User': 'root',
      'Acquire::Languages': 'none',
      'Acquire::Retries': '0',
      'Acquire::http::Proxy': 'DIRECT',
      'Acquire::https::Proxy': 'DIRECT',
      ...options,
    };
    this.#flags = Object.entries(all).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  }

  async setUp(url: string, key: string): Promise<void> {
    for (const directory of ['etc/apt', 'var/lib/apt/lists/partial', 'var/cache/apt/archives/partial', 'var/log/apt']) {
      await mkdir(join(this.root, directory), { recursive: true });
    }
    await writeFile(join(this.root, 'status'), '');
    await writeFile(join(this.root, 'key.asc'), key);
    await writeFile(
      join(this.root, 'etc/apt/sources.list'),
      `deb [signed-by=${join(this.root, 'key.asc')}] ${url}/apt/debian-12 bookworm main\n`,
    );
  }

  async get(...words: readonly string[]): Promise<string> {
    const { stdout, stderr } = await run('apt-get', [...this.#flags, '-q', ...words], { env: { ...process.env, LC_ALL: 'C' } });
    return `${stdout}${stderr}`;
  }

  async downloaded(): Promise<readonly string[]> {
    return (await readdir(join(this.root, 'var/cache/apt/archives'))).filter((name) => name.endsWith('.deb')).sort();
  }
}

describe('apt against a depot', () => {
  let directory: string;
  let bundle: string;
  let contents: SmallBundle['contents'];
  let key: RepositoryKeyPair;
  let authority: KeyPair;
  let depots: RunningDepot[] = [];

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'caisson-apt-'));
    bundle = join(directory, 'bundle.tar');
    const made = await aptBundle(directory);
    ({ contents } = made);
    await writeSmallBundle(bundle, made);
    key = await makeRepositoryKey();
    authority = await createAuthority({ commonName: 'Site CA', days: 2, clock: systemClock });
  });
  afterEach(async () => {
    await Promise.all(depots.map((depot) => depot.close(0)));
    depots = [];
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  async function start(options: Partial<StartDepotOptions> = {}): Promise<RunningDepot> {
    const depot = await startDepot({ bundles: [bundle], repositoryKey: key, host: '127.0.0.1', port: 0, emit: silent, ...options });
    depots.push(depot);
    return depot;
  }

  async function aptFor(
    depot: RunningDepot,
    options: Readonly<Record<string, string>> = {},
    publicKey = key.publicKey,
  ): Promise<PrivateApt> {
    const apt = new PrivateApt(await mkdtemp(join(directory, 'apt-')), options);
    await apt.setUp(depot.url, publicKey);
    return apt;
  }

  it('updates and downloads a package with what it needs, its signature checked, without a warning', async () => {
    const apt = await aptFor(await start());
    expect(await apt.get('update')).not.toMatch(/^[WE]:|\bIgn\b/m);
    await apt.get('install', '--yes', '--download-only', 'caisson-app');
    expect(await apt.downloaded()).toEqual(['caisson-app_1.0_all.deb', 'caisson-lib_2%3a1.0~rc1+x_amd64.deb']);
    expect(await apt.get('update')).not.toMatch(/^[WE]:/m);
  });

  it('does so over https with the authority of the site, and with no other', async () => {
    const tls = await issueCertificate(authority, {
      commonName: 'depot',
      dnsNames: [],
      addresses: ['127.0.0.1'],
      usages: 'server',
      days: 1,
      clock: systemClock,
    });
    const depot = await start({ tls });
    const ca = join(directory, 'ca.pem');
    await writeFile(ca, authority.certificate);
    const apt = await aptFor(depot, { 'Acquire::https::CaInfo': ca });
    await apt.get('update');
    await apt.get('install', '--yes', '--download-only', 'caisson-app');
    expect(await apt.downloaded()).toHaveLength(2);
    await writeFile(ca, (await createAuthority({ commonName: 'Site CA', days: 2, clock: systemClock })).certificate);
    expect(await (await aptFor(depot, { 'Acquire::https::CaInfo': ca })).get('update').catch(String)).toMatch(/certificate/i);
  });

  it('is refused with the key of another site', async () => {
    const other = await makeRepositoryKey();
    const apt = await aptFor(await start(), {}, other.publicKey);
    await expect(apt.get('update')).rejects.toThrow(/NO_PUBKEY|not signed/);
    await expect(apt.get('install', '--yes', '--download-only', 'caisson-app')).rejects.toThrow(/Unable to locate package/);
  });

  it('follows a depot that was started again with a new key', async () => {
    const first = await start();
    const apt = await aptFor(first);
    await apt.get('update');
    await first.close(0);
    const other = await makeRepositoryKey();
    await start({ repositoryKey: other, port: first.port });
    await writeFile(join(apt.root, 'key.asc'), other.publicKey);
    expect(await apt.get('update')).not.toMatch(/^[WE]:/m);
  });

  it('is not fooled by a package that was changed in the bundle', async () => {
    const changed = join(directory, 'changed.tar');
    await writeFile(changed, await readFile(bundle));
    const reader = await openBundle(changed);
    const entry = reader.manifest.entries.find(({ path }) => path.includes('caisson-lib'));
    await reader.close();
    const file = await open(changed, 'r+');
    await file.write(Buffer.from('X'), 0, 1, (entry?.offset ?? 0) + 200);
    await file.close();
    const apt = await aptFor(await start({ bundles: [changed] }));
    await apt.get('update');
    await expect(apt.get('install', '--yes', '--download-only', 'caisson-app')).rejects.toThrow(/Hash Sum mismatch/);
    expect(await apt.downloaded()).not.toContain('caisson-lib_2%3a1.0~rc1+x_amd64.deb');
  });

  it('goes on where a download broke', async () => {
    const depot = await start();
    const apt = await aptFor(depot);
    await apt.get('update');
    const bytes = [...contents].find(([path]) => path.includes('caisson-app'))?.[1] ?? Buffer.alloc(0);
    const partial = join(apt.root, 'var/cache/apt/archives/partial/caisson-app_1.0_all.deb');
    await writeFile(partial, bytes.subarray(0, 300));
    await utimes(partial, SMALL_BUNDLE_DATE, SMALL_BUNDLE_DATE);
    await apt.get('install', '--yes', '--download-only', 'caisson-app');
    expect(await apt.downloaded()).toHaveLength(2);
    expect((await run('curl', ['-sS', `${depot.url}/metrics`])).stdout).toContain('{route="packages",method="GET",status="206"} 1');
  });

  it('gives curl the part it asks for', async () => {
    const depot = await start();
    const url = `${depot.url}/files/bundle.json`;
    const whole = (await run('curl', ['-sS', url])).stdout;
    const { stdout } = await run('curl', ['-sS', '-D', '-', '-r', '10-19', url]);
    expect(stdout).toMatch(/^HTTP\/1\.1 206/);
    expect(stdout).toContain(`bytes 10-19/${Buffer.byteLength(whole)}`);
    expect(stdout.endsWith(whole.slice(10, 20))).toBe(true);
    expect((await run('curl', ['-sS', '-o', '/dev/null', '-w', '%{http_code}', '-r', '99999999-', url])).stdout).toBe('416');
    expect(
      (await run('curl', ['-sS', '--path-as-is', '-o', '/dev/null', '-w', '%{http_code}', `${depot.url}/files/../../etc/passwd`])).stdout,
    ).toBe('400');
  });
});
