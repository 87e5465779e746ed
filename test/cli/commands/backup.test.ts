import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { fixedClock } from '../../../src/core/index.ts';
import { seedLayout } from '../../../src/site/index.ts';
import { NOON, useCommandSites } from '../../support/command-site.ts';
import { keyPair, PASSPHRASE } from '../../support/backup-site.ts';
import { runCaisson as caisson } from '../../support/run-caisson.ts';
import { THREE_NODES } from '../../support/sample-install.ts';
import { useTempDir } from '../../support/temp-dir.ts';

const temp = useTempDir();
const { installed, bundles } = useCommandSites(temp);
const file = (name: string): string => join(temp(), name);

beforeEach(() => {
  writeFileSync(file('passphrase'), `${PASSPHRASE}\n`, { mode: 0o600 });
  writeFileSync(file('seed.gpg'), 'no backup at all');
});

describe('caisson backup and restore', () => {
  it('say what they do, ask, and put everything back', async () => {
    const { site, run } = await installed(THREE_NODES);
    const made = await run(['backup', '--output', temp(), '--passphrase-file', file('passphrase'), '--keep', '2']);
    expect(made).toMatchObject({ status: 0, err: '' });
    const path = join(temp(), 'sample-20260101T000000Z.tar.gpg');
    expect(made.out).toMatch(
      /^Backed up site "sample", with bundle sample 1\.2 in force: \d+ files in .*sample-20260101T000000Z\.tar\.gpg/,
    );
    expect(made.out).toContain('Data of components that are not in it');
    expect(made.out).toContain('  m1: /opt/sample/data (store)\n');
    expect(await run(['backup', '--output', path, '--passphrase-file', file('passphrase')])).toMatchObject({
      status: 3,
      err: expect.stringContaining('BACKUP_EXISTS'),
    });

    const { record, secrets } = seedLayout(site.seedRoot);
    const secret = readFileSync(join(secrets, 'store-root'), 'utf8');
    rmSync(site.seedRoot, { recursive: true });
    const words = ['restore', path, '--passphrase-file', file('passphrase')];
    const planned = await run([...words, '--plan']);
    expect(planned).toMatchObject({ status: 0, err: '' });
    expect(planned.out).toContain(`+ ${record} (0600)\n`);
    expect(planned.out).toContain('  caisson install --offline --bundle FILE\nNothing was written\n');
    expect(await run(words)).toMatchObject({ status: 2, err: expect.stringContaining('Cannot ask before the first file') });
    expect((await run(words, { typed: 'n\n' })).status).toBe(130);
    expect(existsSync(site.seedRoot)).toBe(false);
    const restored = await run(words, { typed: 'y\n' });
    expect(restored).toMatchObject({ status: 0, out: expect.stringContaining('Restored site "sample" as it was on 2026-01-01') });
    expect(restored.err).toContain('The seed is "m1"');
    expect(readFileSync(join(secrets, 'store-root'), 'utf8')).toBe(secret);
    for (const { out, err } of [made, planned, restored]) for (const text of [secret, PASSPHRASE]) expect(out + err).not.toContain(text);
    const again = await run([...words, '--yes', '--json']);
    expect(JSON.parse(again.out.trim().split('\n').at(-1) ?? '')).toMatchObject({
      outcome: 'restored',
      seed: 'm1',
      site: { name: 'sample' },
    });
  });
});

describe('caisson backup', () => {
  it.each<readonly [string, readonly string[], string]>([
    ['one way to encrypt it', ['--output', 'F', '--passphrase-file', 'F', '--recipient', 'F'], 'to a passphrase or to recipients'],
    ['a number of backups', ['--output', 'F', '--passphrase-file', 'F', '--keep', '0'], 'must be a number from 1'],
  ])('must be told %s', async (_, argv, message) => {
    const { status, err } = await caisson(['backup', ...argv]);
    expect({ status, err }).toEqual({ status: 2, err: expect.stringContaining(message) });
  });

  it('takes what the flags leave out from the backup section of cluster.yaml, and asks for it where there is none', async () => {
    const { site, run } = await installed(THREE_NODES);
    const seal = ['--passphrase-file', file('passphrase')];
    const refusals: readonly (readonly [readonly string[], string])[] = [
      [seal, 'Cannot back up: say where to'],
      [['--output', file('out.gpg')], 'Cannot back up: say how the file is encrypted'],
    ];
    for (const [argv, message] of refusals) {
      expect(await run(['backup', ...argv])).toMatchObject({ status: 2, err: expect.stringContaining(message) });
    }

    const { clusterPath } = site.options;
    const section = `backup: { directory: "${file('kept')}", recipients: [./operator.asc], keep: 1 }\n`;
    writeFileSync(clusterPath, `${readFileSync(clusterPath, 'utf8')}${section}`);
    writeFileSync(file('operator.asc'), (await keyPair()).publicKey);
    const missing = await run(['backup']);
    expect(missing).toMatchObject({ status: 5, err: expect.stringContaining(`install -d -m 0700 ${file('kept')}`) });
    mkdirSync(file('kept'));
    const older = join(file('kept'), 'sample-20250101T000000Z.tar.gpg');
    writeFileSync(older, '');
    const made = await run(['backup']);
    expect(made).toMatchObject({ status: 0, out: expect.stringContaining(`Removed ${older}\n`) });
    expect(readdirSync(file('kept'))).toEqual(['sample-20260101T000000Z.tar.gpg']);
    expect(await run(['backup', '--output', file('named.gpg')])).toMatchObject({ status: 0 });
    expect(await run(['backup', ...seal], { clock: fixedClock(NOON + 1000) })).toMatchObject({ status: 0 });
    expect(readdirSync(file('kept'))).toEqual(['sample-20260101T000001Z.tar.gpg']);
  });

  it('takes no passphrase as an argument, and none that others can read', async () => {
    expect((await caisson(['backup', '--output', file('out.gpg'), '--passphrase', PASSPHRASE])).status).toBe(2);
    chmodSync(file('passphrase'), 0o640);
    const { status, out, err } = await caisson(['backup', '--output', file('out.gpg'), '--passphrase-file', file('passphrase'), '--debug']);
    expect({ status, err }).toEqual({ status: 3, err: expect.stringContaining('mode 640') });
    expect(out + err).not.toContain(PASSPHRASE);
  });

  it('refuses a file that is no key of a recipient', async () => {
    const { status, err } = await caisson(['backup', '--output', file('out.gpg'), '--recipient', file('seed.gpg')]);
    expect({ status, err }).toEqual({ status: 3, err: expect.stringContaining('as the key of a recipient') });
  });
});

describe('caisson upgrade', () => {
  it('says in the plan whether a backup is made first, and makes none with --no-backup', async () => {
    const { site, run } = await installed(THREE_NODES);
    const { clusterPath } = site.options;
    const words = ['upgrade', '--bundle', bundles().next, '--plan'];
    expect((await run(words)).out).toContain('No backup is made first: cluster.yaml has no backup section');
    writeFileSync(file('operator.asc'), (await keyPair()).publicKey);
    const section = `backup: { directory: "${temp()}", recipients: [./operator.asc] }\n`;
    writeFileSync(clusterPath, `${readFileSync(clusterPath, 'utf8')}${section}`);
    expect((await run(words)).out).toContain(`A backup is made first, with data of components, in ${temp()}`);
    expect((await run([...words, '--no-backup'])).out).toContain('No backup is made first, as --no-backup asks');
  });
});

describe('caisson restore', () => {
  it.each<readonly [string, readonly string[]]>([
    ['what opens the file', []],
    ['one way to open it', ['--passphrase-file', 'F', '--key', 'F']],
  ])('must be told %s', async (_, argv) => {
    const { status, err } = await caisson(['restore', file('seed.gpg'), ...argv]);
    expect({ status, err }).toEqual({ status: 2, err: expect.stringContaining('say what opens the file') });
  });

  it('refuses a passphrase and a key that others can read', async () => {
    for (const [flag, name] of [
      ['--passphrase-file', 'passphrase'],
      ['--key', 'seed.gpg'],
    ] as const) {
      chmodSync(file(name), 0o604);
      const { status, err } = await caisson(['restore', file('seed.gpg'), flag, file(name)]);
      expect({ status, err }).toEqual({ status: 3, err: expect.stringContaining('with mode 604') });
    }
  });

  it('says of a file that it is not a backup, and of a key that it does not open one', async () => {
    const argv = ['restore', file('seed.gpg'), '--passphrase-file', file('passphrase'), '--plan', '--json'];
    const { status, out } = await caisson(argv);
    expect(status).toBe(3);
    expect(JSON.parse(out.trim().split('\n').at(-1) ?? '')).toMatchObject({ code: 'BACKUP_INVALID' });
    writeFileSync(file('public.asc'), (await keyPair()).publicKey, { mode: 0o600 });
    const other = await caisson(['restore', file('seed.gpg'), '--key', file('public.asc')]);
    expect(other).toMatchObject({ status: 3, err: expect.stringContaining('as private key') });
  });
});
