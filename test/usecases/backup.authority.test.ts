import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parsePrivateKey, parseRecipient, type BackupDocument } from '../../src/backup/index.ts';
import { backup, planRestore } from '../../src/usecases/index.ts';
import { ask } from '../support/ask.ts';
import { backupOptions, PASSPHRASE, restoreOptions, treeOf } from '../support/backup-site.ts';
import { ONE_NODE, writeSampleBundle } from '../support/sample-install.ts';
import { simulatedSite, type SimulatedSite } from '../support/simulated-site.ts';

let directory: string;
let site: SimulatedSite;
/** GnuPG's home. Its sockets need a short path. */
let home: string;
const file = (name: string): string => join(directory, name);
const gpg = (...argv: readonly string[]) => ask(directory, 'gpg', '--homedir', home, '--batch', '--pinentry-mode', 'loopback', ...argv);

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'caisson-backup-'));
  home = await mkdtemp('/tmp/gnupg-');
  const bundle = await writeSampleBundle(file('sample.tar'));
  site = await simulatedSite({ directory, bundle, nodes: ONE_NODE });
  await site.install();
  await writeFile(file('passphrase'), `${PASSPHRASE}\n`, { mode: 0o600 });
});
afterAll(async () => {
  await ask(directory, 'gpgconf', '--homedir', home, '--kill', 'all');
  await site.end();
  for (const path of [directory, home]) await rm(path, { recursive: true, force: true });
});

/** Unpacks what gpg made, with tar, and has sha256sum check it against backup.json. */
async function checkTar(tar: string): Promise<void> {
  const unpacked = await mkdtemp(file('unpacked-'));
  const { stdout } = await ask(directory, 'tar', '-tf', tar);
  await ask(unpacked, 'tar', '-xpf', tar);
  const document = JSON.parse(await readFile(join(unpacked, 'backup.json'), 'utf8')) as BackupDocument;
  expect(stdout.trimEnd().split('\n')).toEqual(['backup.json', ...document.members.map(({ path }) => path.slice(1))]);
  const sums = document.members.map(({ path, digest }) => `${digest.slice('sha256:'.length)}  ${path.slice(1)}\n`).join('');
  await writeFile(join(unpacked, 'SHA256SUMS'), sums);
  const checked = await ask(unpacked, 'sha256sum', '--strict', '-c', 'SHA256SUMS');
  expect(checked.stdout.match(/: OK$/gm)).toHaveLength(document.members.length);
  const modes = await ask(unpacked, 'stat', '-c', '0%a', ...document.members.map(({ path }) => path.slice(1)));
  expect(modes.stdout.trimEnd().split('\n')).toEqual(document.members.map(({ mode }) => mode));
  const below = [...(await treeOf(join(site.seedRoot, 'var')))].filter(([path]) => !path.includes('/bundles/'));
  expect(await treeOf(join(unpacked, 'var'))).toEqual(new Map(below));
}

describe('gpg, tar and sha256sum', () => {
  it('open a backup with a passphrase, which is AES-256 with protection of its integrity', async () => {
    const { digest } = await backup(backupOptions(site, file('passphrase.gpg')));
    const sum = await ask(directory, 'sha256sum', 'passphrase.gpg');
    expect(`sha256:${sum.stdout.split(' ')[0] ?? ''}`).toBe(digest);
    await gpg('--passphrase-file', file('passphrase'), '--output', file('passphrase.tar'), '--decrypt', file('passphrase.gpg'));
    await checkTar(file('passphrase.tar'));
    const packets = await gpg('--passphrase-file', file('passphrase'), '--list-packets', file('passphrase.gpg'));
    expect(packets.stdout).toMatch(/symkey enc packet: version 4, cipher 9,/);
    expect(packets.stdout).toContain('mdc_method: 2');
  });

  it.each([
    ['without a passphrase', '', 'plain'],
    ['with a passphrase', 'of the key', 'locked'],
  ])('open a backup with a key that gpg made %s, and so does restore', async (_, passphrase, stem) => {
    const name = `${stem}@example.com`;
    await gpg('--passphrase', passphrase, '--quick-generate-key', name, 'default', 'default', 'never');
    const { stdout: publicKey } = await gpg('--armor', '--export', name);
    const seal = { recipients: [await parseRecipient(publicKey, 'operator.asc')] };
    await backup(backupOptions(site, file(`${stem}.gpg`), { seal }));
    await gpg('--passphrase', passphrase, '--output', file(`${stem}.tar`), '--decrypt', file(`${stem}.gpg`));
    await checkTar(file(`${stem}.tar`));

    const { stdout: privateKey } = await gpg('--passphrase', passphrase, '--armor', '--export-secret-keys', name);
    const key = await parsePrivateKey(privateKey, passphrase === '' ? undefined : passphrase, 'operator.key');
    const { files } = await planRestore(restoreOptions(site, file(`${stem}.gpg`), { opener: { key } }));
    expect(files.filter(({ action }) => action !== 'keep')).toEqual([]);
  });

  it('see every changed byte that restore sees', async () => {
    const bytes = await readFile(file('passphrase.gpg'));
    bytes[bytes.length - 30] = (bytes[bytes.length - 30] ?? 0) ^ 1;
    await writeFile(file('changed.gpg'), bytes);
    await expect(
      gpg('--passphrase-file', file('passphrase'), '--output', file('changed.tar'), '--decrypt', file('changed.gpg')),
    ).rejects.toThrow();
    await expect(planRestore(restoreOptions(site, file('changed.gpg')))).rejects.toMatchObject({ code: 'BACKUP_DAMAGED' });
  });
});

describe('restore', () => {
  it('takes what gpg and tar made out of the files of a backup', async () => {
    await gpg('--passphrase-file', file('passphrase'), '--output', file('whole.tar'), '--decrypt', file('passphrase.gpg'));
    const tree = file('again');
    await mkdir(tree);
    await ask(tree, 'tar', '-xpf', file('whole.tar'));
    const names = (await ask(tree, 'tar', '-tf', file('whole.tar'))).stdout.trimEnd().split('\n');
    await ask(tree, 'tar', '--format=ustar', '--owner=0', '--group=0', '-cf', file('again.tar'), ...names);
    const again = file('again.gpg');
    await gpg('--passphrase-file', file('passphrase'), '--cipher-algo', 'AES256', '--output', again, '--symmetric', file('again.tar'));
    const { files } = await planRestore(restoreOptions(site, again));
    expect(files.filter(({ action }) => action !== 'keep')).toEqual([]);
  });
});
