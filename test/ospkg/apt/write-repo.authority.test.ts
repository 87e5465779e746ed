import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { readKey } from 'openpgp';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { digestOf, systemClock } from '../../../src/core/index.ts';
import { closePackages } from '../../../src/ospkg/apt/closure.ts';
import { loadAptIndex } from '../../../src/ospkg/apt/load-index.ts';
import { signRelease } from '../../../src/ospkg/apt/sign-repo.ts';
import { aptPoolPath, writeAptRepository } from '../../../src/ospkg/apt/write-repo.ts';
import { type RepositoryKeyPair, generateRepositoryKey } from '../../../src/ospkg/index.ts';
import { debianMirror, fetchFile } from '../../support/debian-mirror.ts';
import { type PrivateApt, privateApt } from '../../support/private-apt.ts';

const DATE = new Date('2026-07-11T10:16:37Z');
const directory = mkdtempSync(join(tmpdir(), 'caisson-repository-'));
const root = join(directory, 'repository');
const keyFile = join(directory, 'repository.asc');

let keys: RepositoryKeyPair;
let metadata: ReadonlyMap<string, Buffer>;
let packages: readonly string[];
let run = 0;

/** jq and what it needs from an empty system: five packages, three megabytes. */
beforeAll(async () => {
  const index = await loadAptIndex(await debianMirror(), { architecture: 'amd64', fetch: fetchFile, clock: systemClock });
  const closure = await closePackages(index, { sets: [{ name: 'jq', packages: ['jq'] }], base: { priorities: [] } });
  const placed = closure.packages.filter(({ sets }) => sets.includes('jq')).map(({ record }) => ({ record, path: aptPoolPath(record) }));
  for (const { record, path } of placed) {
    const file = await fetchFile(`${record.repository}/${record.filename}`, { limit: record.size });
    if (file === undefined || digestOf(file) !== record.digest) throw new Error(`"${record.filename}" is not what the index says`);
    put(path, file);
  }
  packages = placed.map(({ record }) => `${record.name} ${record.version}`);
  metadata = writeAptRepository({
    codename: 'bookworm',
    architectures: ['amd64'],
    origin: 'Caisson',
    label: 'test',
    date: DATE,
    packages: placed,
  });
  keys = await generateRepositoryKey({ userId: 'Caisson test', date: new Date(DATE.getTime() - 1000) });
  writeFileSync(keyFile, keys.publicKey);
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

beforeEach(async () => {
  for (const [path, content] of metadata) put(path, content);
  const { inRelease, signature } = await signRelease(read('dists/bookworm/Release'), keys.privateKey, DATE);
  put('dists/bookworm/InRelease', inRelease);
  put('dists/bookworm/Release.gpg', signature);
});

function put(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

function drop(path: string): void {
  rmSync(join(root, path));
}

function newApt(): PrivateApt {
  return privateApt(join(directory, `apt${run++}`), `deb [signed-by=${keyFile}] file:${root} bookworm main\n`);
}

describe('a repository of ours', () => {
  it('is one that apt updates from and downloads from, its signature checked', async () => {
    const apt = newApt();
    const update = await apt.get('update');
    expect(`${update.stderr}${update.stdout}`).not.toMatch(/^[WE]:/m);
    expect(update.status).toBe(0);
    expect(await apt.wouldInstall('install', 'jq')).toEqual(packages);
    const download = await apt.get('install', '--yes', '--download-only', 'jq');
    expect(download).toMatchObject({ status: 0, stdout: expect.stringContaining('Download complete') });
  });

  it('works with Release and Release.gpg alone, and with the compressed index alone', async () => {
    drop('dists/bookworm/InRelease');
    drop('dists/bookworm/main/binary-amd64/Packages');
    const apt = newApt();
    expect((await apt.get('update')).status).toBe(0);
    expect(await apt.wouldInstall('install', 'jq')).toEqual(packages);
  });

  it('has a signature that gpgv accepts, by our key', async () => {
    const keyring = join(directory, 'repository.gpg');
    writeFileSync(keyring, (await readKey({ armoredKey: keys.publicKey })).write());
    const verify = (...files: readonly string[]) =>
      execFileSync('gpgv', ['--status-fd', '1', '--keyring', keyring, ...files.map((file) => join(root, file))], {
        stdio: ['ignore', 'pipe', 'ignore'],
      }).toString();
    expect(verify('dists/bookworm/InRelease')).toContain('VALIDSIG');
    expect(verify('dists/bookworm/Release.gpg', 'dists/bookworm/Release')).toContain('VALIDSIG');
    put('dists/bookworm/InRelease', read('dists/bookworm/InRelease').replace('Origin: Caisson', 'Origin: Caissom'));
    expect(() => verify('dists/bookworm/InRelease')).toThrow('Command failed');
  });

  it('holds packages that dpkg-deb reads, under the names their index gives', () => {
    for (const match of read('dists/bookworm/main/binary-amd64/Packages').matchAll(/^Package: (.*)$[\s\S]*?^Filename: (.*)$/gm)) {
      const name = execFileSync('dpkg-deb', ['--field', join(root, match[2] ?? ''), 'Package'])
        .toString()
        .trim();
      expect(name).toBe(match[1]);
    }
  });
});

describe('apt refuses a repository of ours', () => {
  it('whose index was changed', async () => {
    const path = 'dists/bookworm/main/binary-amd64/Packages';
    put(path, read(path).replace('Package: jq', 'Package: jQ'));
    drop(`${path}.gz`);
    const update = await newApt().get('update');
    expect(update.status).not.toBe(0);
    expect(update.stderr).toMatch(/Hash Sum mismatch|unexpected size/);
  });

  it('whose release was changed', async () => {
    put('dists/bookworm/InRelease', read('dists/bookworm/InRelease').replace('Label: test', 'Label: tess'));
    const update = await newApt().get('update');
    expect(update.status).not.toBe(0);
    expect(update.stderr).toContain('BADSIG');
  });

  it('that another key has signed', async () => {
    const stranger = await generateRepositoryKey({ userId: 'Stranger', date: DATE });
    put('dists/bookworm/InRelease', (await signRelease(read('dists/bookworm/Release'), stranger.privateKey, DATE)).inRelease);
    const update = await newApt().get('update');
    expect(update.status).not.toBe(0);
    expect(update.stderr).toContain('NO_PUBKEY');
  });

  it('that is not signed', async () => {
    drop('dists/bookworm/InRelease');
    drop('dists/bookworm/Release.gpg');
    const update = await newApt().get('update');
    expect(update.status).not.toBe(0);
    expect(update.stderr).toContain('is not signed');
  });

  it('with a package that was changed', async () => {
    const path = /^Filename: (.*\/jq_.*)$/m.exec(read('dists/bookworm/main/binary-amd64/Packages'))?.[1] ?? '';
    const original = readFileSync(join(root, path));
    const changed = Buffer.from(original);
    changed.writeUInt8(changed.readUInt8(500) ^ 1, 500);
    put(path, changed);
    const apt = newApt();
    await apt.get('update');
    const download = await apt.get('install', '--yes', '--download-only', 'jq');
    put(path, original);
    expect(download.status).not.toBe(0);
    expect(download.stderr).toContain('Hash Sum mismatch');
  });
});
