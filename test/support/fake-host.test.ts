import { describe, expect, it } from 'vitest';
import { fakeHost } from './fake-host.ts';

describe('fakeHost', () => {
  const replies = [{ argv: ['systemctl', 'start', 'docker.service'] }, { argv: ['apt-get', 'update'] }];

  it('refuses a command that it was not told of, and names the nearest one', async () => {
    const running = fakeHost({ name: 'm1', replies }).run({ argv: ['systemctl', 'start', 'dokcer.service'] });
    await expect(running).rejects.toThrow(
      'the fake host "m1" does not expect\n  systemctl start dokcer.service\nnearest expected\n  systemctl start docker.service',
    );
    await expect(fakeHost().run({ argv: ['true'] })).rejects.toThrow('(nothing)');
  });

  it('tells commands apart by their environment when it is told to', async () => {
    const host = fakeHost({
      replies: [
        { argv: ['a'], env: { X: '1' }, answer: { stdout: 'one' } },
        { argv: ['a'], answer: { stdout: 'any' } },
      ],
    });
    expect((await host.run({ argv: ['a'], env: { X: '1' } })).stdout).toBe('one');
    expect((await host.run({ argv: ['a'], env: { X: '2' } })).stdout).toBe('any');
  });

  it('reads files that were given or uploaded', async () => {
    const host = fakeHost({ files: { '/a': 'old' } });
    await host.upload('new', '/b', { mode: 0o600 });
    expect((await host.run({ argv: ['cat', '/a'] })).stdout).toBe('old');
    expect((await host.run({ argv: ['cat', '/b'] })).stdout).toBe('new');
    expect(host.files.get('/b')).toMatchObject({ mode: 0o600, owner: 'root:root' });
  });
});
