import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { HostKeyUnknownError, type FirstLogin } from '../../../src/ssh/index.ts';
import type { Machines } from '../../../src/site/index.ts';
import { useCommandSites } from '../../support/command-site.ts';
import { runCaisson, type RunCaissonOptions } from '../../support/run-caisson.ts';
import { THREE_NODES } from '../../support/sample-install.ts';
import type { SimulatedSite } from '../../support/simulated-site.ts';
import { makeKey } from '../../support/ssh-server.ts';
import { useTempDir } from '../../support/temp-dir.ts';

const directory = useTempDir();
const sites = useCommandSites(directory);
const FINGERPRINT = `SHA256:${'A'.repeat(43)}`;
const ADD = ['node', 'add', 'f2', '--iip', '10.0.0.13', '--role', 'front'];

let site: SimulatedSite;
let machines: Machines;
let logins: (FirstLogin | undefined)[];

beforeEach(async () => {
  ({ site } = await sites.installed(THREE_NODES.slice(0, 2)));
  logins = [];
  const known = site.options.machines;
  if (known === undefined) throw new Error('the machines are not simulated');
  machines = {
    ...known,
    connect: async (node, ssh, options) => {
      if (node.name !== 'f2') return known.connect(node, ssh, options);
      if (node.ssh?.hostKey !== FINGERPRINT) {
        throw new HostKeyUnknownError({ host: 'f2', fingerprint: FINGERPRINT, keyType: 'ssh-ed25519' }, 'Cannot trust "f2"', {});
      }
      logins.push(options.firstLogins?.get('f2'));
      throw new Error('that is enough');
    },
  };
});

const run = (words: readonly string[], options: RunCaissonOptions = {}) => runCaisson([...ADD, ...words], { machines, ...options });

async function passwordFile(mode = 0o600): Promise<string> {
  const path = join(directory(), 'password');
  await writeFile(path, 'correct horse\n');
  await chmod(path, mode);
  return path;
}

describe('caisson node add by a login that is used once', () => {
  it('takes the password from a file or from the terminal, and shows it to nobody', async () => {
    const key = ['--host-key', FINGERPRINT];
    const told = [
      await run(['--root-pass-file', await passwordFile(), ...key]),
      await run(['--root-pass', ...key], { secret: 'correct horse' }),
      await run(['--root-pass', '--debug', '--json', ...key], { secret: 'correct horse' }),
    ];
    expect(logins).toEqual([{ password: 'correct horse' }, { password: 'correct horse' }, { password: 'correct horse' }]);
    for (const { out, err } of told) expect(out + err).not.toContain('horse');
    expect(told[1]?.err).toContain('Password of "f2": ');
    expect(await readFile(site.options.clusterPath, 'utf8')).not.toContain('f2');
  });

  it('takes a private key, and asks for its passphrase', async () => {
    const path = join(directory(), 'id');
    await writeFile(path, makeKey('ed25519', 'open sesame').private, { mode: 0o600 });
    const flags = ['--private-key', path, '--host-key', FINGERPRINT];
    expect(await run(flags)).toMatchObject({ status: 6, err: expect.stringContaining('HOST_AUTH_FAILED') });
    const { err } = await run(flags, { secret: 'open sesame' });
    expect(logins).toMatchObject([{ identity: { file: path, passphrase: 'open sesame' } }]);
    expect(err).not.toContain('sesame');
  });

  it('asks for the fingerprint of a host that nobody has vouched for, and logs in when it is accepted', async () => {
    const flags = ['--root-pass-file', await passwordFile()];
    const refused = await run(flags, { typed: 'n\n' });
    expect(refused).toMatchObject({ status: 6, err: expect.stringContaining(`shows the ssh-ed25519 key ${FINGERPRINT}`) });
    expect(await run(flags)).toMatchObject({ status: 6, err: expect.stringContaining(`give: --host-key ${FINGERPRINT}`) });
    expect(await run([...flags, '--yes'])).toMatchObject({ status: 6, err: expect.stringContaining('there is no terminal to ask on') });
    expect(logins).toEqual([]);
    await run(flags, { typed: 'y\n' });
    expect(logins).toEqual([{ password: 'correct horse' }]);
  });

  it.each([
    ['two of the flags', ['--root-pass', '--private-key', '/x'], 2, 'Give one of them'],
    ['a password in the arguments', ['--root-pass', 'secret'], 2, 'too many arguments'],
    ['no terminal to ask on', ['--root-pass'], 2, 'give --root-pass-file'],
  ])('refuses %s', async (_what, words, status, said) => {
    const { status: ended, err } = await run(words);
    expect(ended).toBe(status);
    expect(err).toContain(said);
    expect(err).not.toContain('secret');
    expect(logins).toEqual([]);
  });

  it('refuses a password file that others may read', async () => {
    expect(await run(['--root-pass-file', await passwordFile(0o640)])).toMatchObject({
      status: 3,
      err: expect.stringContaining('SECRET_EXPOSED'),
    });
  });
});
