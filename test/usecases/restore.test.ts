import { chmod, cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { HOST_RECORD, newSiteRecord, openFileStore, seedLayout, type SeedLayout } from '../../src/site/index.ts';
import { backup, planInstall, planRestore, restore } from '../../src/usecases/index.ts';
import { takeInstallLock } from '../../src/usecases/install-lock.ts';
import { backupOptions, keyPair, PASSPHRASE, restoreOptions, treeOf } from '../support/backup-site.ts';
import { sampleHostRecord } from '../support/sample-site.ts';
import { THREE_NODES, writeSampleBundle } from '../support/sample-install.ts';
import { outcomeOf, simulatedSite, type SimulatedSite } from '../support/simulated-site.ts';

let directory: string;
let site: SimulatedSite;
let layout: SeedLayout;
let file: string;
let whole: ReadonlyMap<string, string>;
const yes = async (): Promise<boolean> => true;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'caisson-restore-'));
  const bundle = await writeSampleBundle(join(directory, 'sample.tar'));
  site = await simulatedSite({ directory, bundle, nodes: THREE_NODES });
  await site.install();
  layout = seedLayout(site.seedRoot);
  file = join(directory, 'backup.gpg');
  await backup(backupOptions(site, file));
  await cp(site.seedRoot, join(directory, 'before'), { recursive: true, preserveTimestamps: true });
  whole = new Map([...(await treeOf(site.seedRoot))].filter(([path]) => !path.includes('/bundles/')));
});
afterAll(async () => {
  await site.end();
  await rm(directory, { recursive: true, force: true });
});
beforeEach(async () => {
  await rm(site.seedRoot, { recursive: true, force: true });
});

/** The seed as it was when the backup was made. */
async function intact(): Promise<void> {
  await cp(join(directory, 'before'), site.seedRoot, { recursive: true, preserveTimestamps: true });
}

describe('restore', () => {
  it('puts back every file with its mode on the machine that was the seed, which then goes on as if nothing had been', async () => {
    const text = await readFile(site.options.clusterPath);
    await rm(site.options.clusterPath);
    const umask = process.umask(0o077);
    const { next } = await restore(restoreOptions(site, file), yes).finally(() => process.umask(umask));
    expect(next).toEqual([
      'Put back the data of "store" at /opt/sample/data: no backup of a seed has them, and without them it starts empty',
      'caisson install --offline --bundle FILE',
    ]);
    expect(await treeOf(site.seedRoot)).toEqual(whole);
    expect(await readFile(site.options.clusterPath)).toEqual(text);
    for (const path of [layout.secrets, layout.authorities, layout.certificates]) expect((await stat(path)).mode & 0o777).toBe(0o700);
    for (const path of [join(layout.record, '..'), layout.depot]) expect((await stat(path)).mode & 0o777).toBe(0o755);
    // The bundle alone is gone.
    const { plan } = await planInstall(site.options);
    const changes = plan.changes.filter(({ action }) => action !== 'keep');
    expect(changes.map((change) => ('resource' in change ? change.resource?.kind : ''))).toEqual(['bundle']);
    await site.install();
    expect((await site.install()).changed).toBe(0);
  });

  it('writes nothing that is there already, and says that the bundle is', async () => {
    await intact();
    await mkdir(join(site.seedRoot, 'opt/sample/data'), { recursive: true });
    const { files, next } = await restore(restoreOptions(site, file), yes);
    expect(files.filter(({ action }) => action !== 'keep')).toEqual([]);
    expect(next).toEqual(['caisson install --offline']);
  });

  it('opens with the key of each recipient', async () => {
    await intact();
    const [first, second] = [await keyPair(), await keyPair()];
    const keyed = join(directory, 'keyed.gpg');
    const recipients = [first, second].flatMap(({ seal }) => ('recipients' in seal ? seal.recipients : []));
    await backup(backupOptions(site, keyed, { seal: { recipients } }));
    for (const { opener } of [first, second]) await planRestore(restoreOptions(site, keyed, { opener }));
    for (const opener of [(await keyPair()).opener, { passphrase: PASSPHRASE }]) {
      await expect(planRestore(restoreOptions(site, keyed, { opener }))).rejects.toMatchObject({ code: 'BACKUP_KEY_WRONG' });
    }
  });

  it('shows its plan, and writes nothing where it is not approved', async () => {
    const planned = await planRestore(restoreOptions(site, file));
    expect(planned.files.filter(({ action }) => action === 'add').length).toBe(planned.files.length - 1);
    await expect(restore(restoreOptions(site, file), async () => false)).rejects.toMatchObject({ code: 'INTERRUPTED' });
    await expect(stat(site.seedRoot)).rejects.toThrow('ENOENT');
  });

  it('lets a cluster.yaml be that differs, and puts that of the backup beside it, once', async () => {
    const { clusterPath } = site.options;
    const text = await readFile(clusterPath, 'utf8');
    await writeFile(clusterPath, `${text}# newer\n`);
    await restore(restoreOptions(site, file), yes);
    expect(await readFile(clusterPath, 'utf8')).toBe(`${text}# newer\n`);
    expect(await readFile(`${clusterPath}.from-backup`, 'utf8')).toBe(text);
    const { files } = await planRestore(restoreOptions(site, file));
    expect(files.filter(({ action }) => action !== 'keep')).toEqual([]);
    await writeFile(clusterPath, text);
    await rm(`${clusterPath}.from-backup`);
  });

  it('makes modes right where only they are wrong', async () => {
    await intact();
    const path = join(layout.authorities, 'ca.key');
    await chmod(path, 0o644);
    const { files } = await restore(restoreOptions(site, file), yes);
    expect(files.flatMap(({ action, path: place }) => (action === 'keep' ? [] : [place]))).toEqual([path]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('waits for no run: it is refused while one is under way', async () => {
    const release = await takeInstallLock(layout.lock);
    await expect(restore(restoreOptions(site, file), yes)).rejects.toMatchObject({ code: 'INSTALL_LOCKED' });
    await release();
  });

  it.each<readonly [string, () => Promise<void>, string, string]>([
    [
      'the seed of another site',
      async () => {
        await openFileStore(layout.record).write(newSiteRecord({ id: 'id-9', name: 'shop', seed: 'm1' }), undefined);
      },
      'this machine is the seed of another site, "shop" (id-9)',
      'caisson reset',
    ],
    [
      'of a later revision',
      async () => {
        const store = openFileStore(layout.record);
        await intact();
        const record = await store.read();
        if (record !== undefined) await store.write(record, record.revision);
      },
      'changes to the site since then would be forgotten',
      'Use a later backup',
    ],
    [
      'with a record that cannot be understood',
      async () => {
        await intact();
        await writeFile(layout.record, '{');
      },
      'it cannot be understood',
      'Move it away: mv',
    ],
    [
      'with another key of the authority',
      async () => {
        await intact();
        await writeFile(join(layout.authorities, 'ca.key'), 'another');
      },
      'keys and secrets are never replaced',
      'move it away: mv',
    ],
    [
      'a host of another site',
      async () => {
        await intact();
        const other = sampleHostRecord({ site: { id: 'id-9', name: 'shop', seed: 's1', authorities: {} } });
        await writeFile(join(site.seedRoot, HOST_RECORD), JSON.stringify(other));
      },
      'it belongs to site "shop" (id-9), whose seed is "s1"',
      'have "s1" remove it from its cluster first',
    ],
  ])('is refused on a machine that is %s, and writes nothing', async (_, prepare, problem, remedy) => {
    await prepare();
    const before = await treeOf(site.seedRoot);
    const failure: unknown = await restore(restoreOptions(site, file), yes).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: 'SITE_CONFLICT',
      conflicts: [{ problem: expect.stringContaining(problem), remedy: expect.stringContaining(remedy) }],
    });
    expect(String(failure)).toContain('Cannot restore this backup here: 1 conflict');
    expect(await treeOf(site.seedRoot)).toEqual(before);
  });

  it.each<readonly [string, (bytes: Buffer) => Buffer, string, string]>([
    ['is cut at its end', (bytes) => bytes.subarray(0, -1), 'BACKUP_DAMAGED', 'it is cut'],
    ['is cut in half', (bytes) => bytes.subarray(0, bytes.length / 2), 'BACKUP_DAMAGED', 'it is cut'],
    ['is cut in its first header', (bytes) => bytes.subarray(0, 20), 'BACKUP_DAMAGED', 'it is cut'],
    ['has a flipped bit', (bytes) => flipped(bytes, bytes.length / 2), 'BACKUP_DAMAGED', 'its bytes were changed'],
    ['has a flipped bit at its end', (bytes) => flipped(bytes, bytes.length - 1), 'BACKUP_DAMAGED', 'its bytes were changed'],
    ['is empty', () => Buffer.alloc(0), 'BACKUP_INVALID', 'it is not an OpenPGP message'],
    ['is text', () => Buffer.from('no backup at all'), 'BACKUP_INVALID', 'it is not an OpenPGP message'],
    ['is followed by something', (bytes) => Buffer.concat([bytes, Buffer.from('more')]), 'BACKUP_DAMAGED', 'its bytes were changed'],
  ])('says of a file that %s what is wrong with it, and writes nothing', async (_, change, code, message) => {
    const other = join(directory, 'other.gpg');
    await writeFile(other, change(await readFile(file)));
    await expect(restore(restoreOptions(site, other), yes)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
      hint: expect.stringContaining('Nothing was written'),
    });
    await expect(stat(site.seedRoot)).rejects.toThrow('ENOENT');
  });

  it('says of a wrong passphrase that it is wrong, also when it gives something that looks like a key', async () => {
    // Of 256 wrong passphrases, 1 on average gives bytes that look like a session key.
    const codes = await Promise.all(
      ['', 'Correct horse battery staple', 'x'].map((passphrase) =>
        outcomeOf(planRestore(restoreOptions(site, file, { opener: { passphrase } }))),
      ),
    );
    expect(new Set(codes)).toEqual(new Set([`Cannot open "${file}": it was not encrypted to this passphrase`]));
  });
});

function flipped(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes);
  const index = Math.floor(at);
  changed[index] = (changed[index] ?? 0) ^ 1;
  return changed;
}
