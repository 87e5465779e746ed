import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { silent, systemClock } from '../../src/core/index.ts';
import { type Host } from '../../src/host/index.ts';
import { openSshHost, type FirstLogin } from '../../src/ssh/index.ts';
import { targetOf } from '../../src/ssh/ssh-targets.ts';
import { fixedContent } from '../../src/resources/index.ts';
import { KINDS } from '../../src/resources/kinds.ts';
import { makeSshKeyPair } from '../../src/sshsig/index.ts';
import { runTool, startSshd } from '../support/sshd.ts';
import { useTempDir } from '../support/temp-dir.ts';
import { HOST_TOOLS } from '../support/site-tools.ts';

const directory = useTempDir();
const PASSWORD = 'correct "horse" $battery';

describe('a machine with OpenSSH that takes a password', () => {
  it('lets the key of the site in after one login, until the key is taken away', async () => {
    const sshd = await startSshd({
      // sshd itself refuses a file of keys that others than the user can write (StrictModes).
      config: ['AuthorizedKeysFile .ssh/authorized_keys', 'StrictModes yes', 'PasswordAuthentication yes'],
      account: { name: 'deploy', password: PASSWORD, sudoers: 'deploy ALL=(ALL:ALL) NOPASSWD: ALL\n' },
    });
    try {
      const pair = makeSshKeyPair('caisson sample');
      const key = join(directory(), 'site.key');
      await writeFile(key, pair.private, { mode: 0o600 });
      await writeFile(join(directory(), 'known_hosts'), runTool('ssh-keyscan', ['-p', `${sshd.port}`, '127.0.0.1']));
      const ssh = { agent: false, port: sshd.port, knownHosts: 'known_hosts' };
      const node = { name: 'n1', address: '127.0.0.1', ssh: { user: 'deploy', identityFile: key } };
      const open = async (login?: FirstLogin): Promise<Host> => {
        const firstLogins = login === undefined ? undefined : new Map([['n1', login]]);
        return openSshHost({ target: await targetOf(node, ssh, { home: directory(), directory: directory(), firstLogins }) });
      };
      const context = { ...HOST_TOOLS, clock: systemClock, emit: silent, signal: new AbortController().signal };
      const wanted = { key: 'deploy', spec: { line: fixedContent(pair.public) }, replaces: false };

      await expect(open()).rejects.toMatchObject({ code: 'HOST_AUTH_FAILED' });
      const first = await open({ password: PASSWORD });
      await KINDS['login-key'].ensure(first, [wanted], context);
      await first.close();

      const host = await open();
      expect(await KINDS['login-key'].look(host, [wanted], context)).toEqual([{ state: 'same' }]);
      await KINDS['login-key'].remove(host, [{ kind: 'login-key', key: 'deploy', owner: 'tests' }], context, { purge: false });
      expect((await host.run({ argv: ['ls', '-A', '/home/deploy'] })).stdout).toBe('.bashrc\n');
      await host.close();
      await expect(open()).rejects.toMatchObject({ code: 'HOST_AUTH_FAILED' });
    } finally {
      await sshd.stop();
    }
  });
});
