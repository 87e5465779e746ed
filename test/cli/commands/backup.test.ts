import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { keyPair, PASSPHRASE } from '../../support/backup-site.ts';
import { runCaisson as caisson } from '../../support/run-caisson.ts';
import { useTempDir } from '../../support/temp-dir.ts';

const temp = useTempDir();
const file = (name: string): string => join(temp(), name);

beforeEach(() => {
  writeFileSync(file('passphrase'), `${PASSPHRASE}\n`, { mode: 0o600 });
  writeFileSync(file('seed.gpg'), 'no backup at all');
});

describe('caisson backup', () => {
  it.each<readonly [string, readonly string[], string]>([
    ['where to', ['--passphrase-file', 'F'], 'Cannot back up without --output'],
    ['how it is encrypted', ['--output', 'F'], 'say how the file is encrypted'],
    ['one way to encrypt it', ['--output', 'F', '--passphrase-file', 'F', '--recipient', 'F'], 'say how the file is encrypted'],
    ['a number of backups', ['--output', 'F', '--passphrase-file', 'F', '--keep', '0'], 'must be a number from 1'],
  ])('must be told %s', async (_, argv, message) => {
    const { status, err } = await caisson(['backup', ...argv]);
    expect({ status, err }).toEqual({ status: 2, err: expect.stringContaining(message) });
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
