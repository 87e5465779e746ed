import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readBackup } from '../../src/backup/index.ts';
import { seedLayout } from '../../src/site/index.ts';
import { backup } from '../../src/usecases/index.ts';
import { backupSource } from '../../src/usecases/backup/backup-source.ts';
import { takeInstallLock } from '../../src/usecases/install-lock.ts';
import { backupOptions, keyPair, PASSPHRASE } from '../support/backup-site.ts';
import { clusterYaml, THREE_NODES, writeSampleBundle } from '../support/sample-install.ts';
import { simulatedSite, type SimulatedSite } from '../support/simulated-site.ts';

let directory: string;
let home: string;
let site: SimulatedSite;
let clusterText: string;
let output: string;
let file: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'caisson-backup-'));
  const bundle = await writeSampleBundle(join(directory, 'sample.tar'));
  site = await simulatedSite({ directory, bundle, nodes: THREE_NODES });
  await site.install();
  home = site.options.connect.home;
  await mkdir(join(home, '.ssh'));
  await writeFile(join(home, '.ssh/known_hosts'), 'f1 ssh-ed25519 AAAA\n', { mode: 0o600 });
  await writeFile(join(directory, 'sudo-password'), 'hunter22\n', { mode: 0o600 });
  clusterText = `${await readFile(site.options.clusterPath, 'utf8')}ssh: { sudoPasswordFile: ./sudo-password }\n`;
  output = join(directory, 'backups');
});
afterAll(async () => {
  await site.end();
  await rm(directory, { recursive: true, force: true });
});
afterEach(() => rm(output, { recursive: true, force: true }));

async function made(changes: Parameters<typeof backupOptions>[2] = {}): ReturnType<typeof backup> {
  await writeFile(site.options.clusterPath, clusterText);
  await mkdir(output, { recursive: true });
  file = join(output, 'seed.gpg');
  return backup(backupOptions(site, file, changes));
}

describe('backup', () => {
  it('has what the seed alone has, with the digest and the mode of each file, and nothing else', async () => {
    const result = await made();
    const { document, files } = await readBackup(await backupSource(file), { passphrase: PASSPHRASE }, file);
    const own = (name: string): string => join(directory, name);
    expect(files.map(({ path, mode }) => `${path} ${mode}`).sort()).toEqual(
      [
        '/etc/caisson/depot/repository.asc 0644',
        '/etc/caisson/depot/repository.key 0600',
        '/var/lib/caisson/authorities/ca.crt 0644',
        '/var/lib/caisson/authorities/ca.key 0600',
        ...['depot', 'node-f1', 'node-f2', 'node-m1', 'operator', 'store-tls-m1'].flatMap((name) => [
          `/var/lib/caisson/certificates/${name}.crt 0600`,
          `/var/lib/caisson/certificates/${name}.key 0600`,
        ]),
        '/var/lib/caisson/journal.jsonl 0600',
        '/var/lib/caisson/secrets/store-root 0600',
        '/var/lib/caisson/site.json 0600',
        `${own('cluster.yaml')} 0644`,
        `${own('sudo-password')} 0600`,
        `${join(home, '.ssh/known_hosts')} 0600`,
      ].sort(),
    );
    for (const { content, digest } of files) expect(`sha256:${createHash('sha256').update(content).digest('hex')}`).toBe(digest);
    expect(document).toMatchObject({ kind: 'Backup', site: { name: 'sample' }, seed: 'm1', bundle: { name: 'sample', version: '1.2' } });
    expect(result).toMatchObject({
      path: file,
      site: document.site,
      notIncluded: [{ host: 'm1', path: '/opt/sample/data', owner: 'store' }],
    });
  });

  it('is a file that only its owner can read, whose digest it says, and that shows no secret', async () => {
    const { digest, size } = await made();
    const bytes = await readFile(file);
    const secret = await readFile(join(seedLayout(site.seedRoot).secrets, 'store-root'));
    expect({ digest, size }).toEqual({ digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`, size: bytes.length });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    for (const part of [secret, Buffer.from('PRIVATE KEY'), Buffer.from('hunter22')]) expect(bytes.includes(part)).toBe(false);
  });

  it('replaces no file, and leaves none behind when it cannot write', async () => {
    await made();
    const bytes = await readFile(file);
    await expect(backup(backupOptions(site, file))).rejects.toMatchObject({ code: 'BACKUP_EXISTS', exitStatus: 3 });
    expect(await readFile(file)).toEqual(bytes);
    await expect(backup(backupOptions(site, join(output, 'none/seed.gpg')))).rejects.toMatchObject({ code: 'BACKUP_WRITE_FAILED' });
    const stop = new AbortController();
    stop.abort(new Error('received SIGINT'));
    await expect(backup(backupOptions(site, join(output, 'other.gpg'), { signal: stop.signal }))).rejects.toThrow('received SIGINT');
    expect(await readdir(output)).toEqual(['seed.gpg']);
  });

  it('names files in a directory after site and time, and keeps as many as are asked for, of this site alone', async () => {
    const strangers = ['sample-20250101T000000Z.tar', 'other-20250101T000000Z.tar.gpg', 'sample-2-20250101T000000Z.tar.gpg'];
    const leftover = '.sample-20250101T000000Z.tar.gpg.0123456789ab.tmp';
    await mkdir(output);
    for (const name of [...strangers, leftover, 'sample-20250101T000000Z.tar.gpg']) await writeFile(join(output, name), '');
    const { seal } = await keyPair();
    const at = (day: number) => ({ ...site.options.clock, now: () => new Date(Date.UTC(2026, 0, day, 10, 20, 30)) });
    await backup(backupOptions(site, output, { seal, clock: at(1) }));
    await backup(backupOptions(site, output, { seal, clock: at(2), keep: 3 }));
    const { removed } = await backup(backupOptions(site, output, { seal, clock: at(3), keep: 2 }));
    expect(removed).toEqual(['sample-20260101T102030Z.tar.gpg', 'sample-20250101T000000Z.tar.gpg'].map((name) => join(output, name)));
    const kept = ['sample-20260102T102030Z.tar.gpg', 'sample-20260103T102030Z.tar.gpg'];
    expect((await readdir(output)).sort()).toEqual([...strangers, ...kept].sort());
    await expect(backup(backupOptions(site, join(output, 'one.gpg'), { keep: 2 }))).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('waits for no run: it is refused while one is under way', async () => {
    const release = await takeInstallLock(seedLayout(site.seedRoot).lock);
    await expect(made()).rejects.toMatchObject({ code: 'INSTALL_LOCKED', exitStatus: 7 });
    await release();
  });

  it.each([
    ['the key of the authority', 'authorities', 'ca.key', 'this machine has lost authority "site"'],
    ['a secret', 'secrets', 'store-root', 'this machine has lost secret "store-root"'],
  ] as const)(
    'is refused on a seed that has lost %s, so that it does not replace older ones that have it',
    async (_, place, name, message) => {
      const path = join(seedLayout(site.seedRoot)[place], name);
      const bytes = await readFile(path);
      await rm(path);
      await expect(made()).rejects.toMatchObject({ code: 'SITE_CONFLICT', message: expect.stringContaining(message) });
      await writeFile(path, bytes, { mode: 0o600 });
      expect(await readdir(output)).toEqual([]);
    },
  );

  it('is refused when a file that cluster.yaml names is not there', async () => {
    await writeFile(join(directory, 'other.yaml'), `${clusterYaml(THREE_NODES)}trust: { allowedSigners: ./signers }\n`);
    await expect(made({ clusterPath: join(directory, 'other.yaml') })).rejects.toMatchObject({
      code: 'INPUT_UNREADABLE',
      message: expect.stringContaining(join(directory, 'signers')),
    });
  });

  it('takes files that options of cluster.yaml name', async () => {
    await writeFile(join(directory, 'database-password'), 'secret\n', { mode: 0o600 });
    await writeFile(
      join(directory, 'other.yaml'),
      `${clusterYaml(THREE_NODES)}options: { database: { choice: external, host: db.example, password: ./database-password } }\n`,
    );
    const { files } = await made({ clusterPath: join(directory, 'other.yaml'), withData: false });
    expect(files).toContain(join(directory, 'database-password'));
  });

  it('is refused where there is no site', async () => {
    const machines = site.moveTo('m1', join(directory, 'nothing')).machines;
    await expect(made({ machines })).rejects.toMatchObject({ code: 'SITE_UNKNOWN' });
    site.moveTo('m1', site.seedRoot);
  });

  it('has the last lines of a long journal', async () => {
    const { journal } = seedLayout(site.seedRoot);
    const before = await readFile(journal);
    await writeFile(journal, Buffer.concat([Buffer.alloc(64 * 2 ** 20, 'x'), Buffer.from('\n{"last":1}\n')]));
    const { seal, opener } = await keyPair();
    await made({ seal });
    await writeFile(journal, before);
    await chmod(journal, 0o600);
    const { files } = await readBackup(await backupSource(file), opener, file);
    expect(files.find(({ path }) => path.endsWith('journal.jsonl'))?.content.toString()).toBe('{"last":1}\n');
  });
});
