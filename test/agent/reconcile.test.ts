import { readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { parseServiceFile } from '../../src/agent/index.ts';
import { reconcile, type Reconciled } from '../../src/agent/reconcile.ts';
import { useTempDir } from '../support/temp-dir.ts';
import { FakeSystemd } from './fake-systemd.ts';

const directory = useTempDir();
let systemd: FakeSystemd;
let applied: Reconciled['applied'];

beforeEach(() => {
  systemd = new FakeSystemd(directory());
  applied = {};
});

async function run(...services: readonly string[]): Promise<Reconciled> {
  const definitions = parseServiceFile(`version: '2.1'\nservices: [${services.join(', ')}]`, 'x.yaml');
  const { signal } = new AbortController();
  const result = await reconcile({ host: systemd.host, directory: directory(), definitions, values: {}, applied, signal });
  applied = result.applied;
  return result;
}

describe('reconcile', () => {
  it('writes, enables and starts new services with one reload', async () => {
    const result = await run('{ name: a, start: a }', '{ name: b, start: b }');
    expect(result).toMatchObject({ managed: ['a', 'b'], changed: ['a', 'b'], removed: [], problems: [] });
    expect(systemd.takeCalls()).toEqual([
      'daemon-reload',
      'enable --quiet -- a.service b.service',
      'restart --no-block -- a.service b.service',
    ]);
    expect(systemd.file('a.service')).toContain('ExecStart=/bin/bash -c a\n');
  });

  it('changes nothing the second time', async () => {
    await run('{ name: a, start: a }');
    systemd.takeCalls();
    expect(await run('{ name: a, start: a }')).toMatchObject({ changed: [], removed: [], problems: [] });
    expect(systemd.takeCalls()).toEqual([]);
  });

  it('restarts only what changed', async () => {
    await run('{ name: a, start: a }', '{ name: b, start: b }');
    systemd.takeCalls();
    await run('{ name: a, start: a }', '{ name: b, start: b2 }');
    expect(systemd.takeCalls()).toEqual(['daemon-reload', 'restart --no-block -- b.service']);
  });

  it('starts what should run and does not', async () => {
    await run('{ name: a, start: a }');
    systemd.set('a.service', 'inactive', 'dead');
    systemd.takeCalls();
    await run('{ name: a, start: a }');
    expect(systemd.takeCalls()).toEqual(['start --no-block -- a.service']);
  });

  it.each([
    ['removed', []],
    ['disabled', ['{ name: a, start: a, disable: true }']],
    ['only probed from now on', ['{ name: a, only_health_check: true, health: { model: tcp, address: "127.0.0.1:1" } }']],
  ])('retires the unit of a service that was %s', async (_, services) => {
    await run('{ name: a, start: a }', '{ name: b, start: b }');
    systemd.takeCalls();
    expect(await run(...services, '{ name: b, start: b }')).toMatchObject({ removed: ['a'] });
    expect(systemd.takeCalls()).toEqual(['disable --now --quiet -- a.service', 'daemon-reload', 'reset-failed -- a.service']);
    expect(await readdir(directory())).toEqual(['b.service']);
  });

  describe.each([
    ['changed', (path: string) => writeFile(path, '[Service]\nExecStart=/bin/true\n')],
    ['removed', (path: string) => rm(path)],
  ])('of a unit that was %s by hand', (_, change) => {
    beforeEach(async () => {
      await run('{ name: a, start: a }');
      await change(join(directory(), 'a.service'));
      systemd.takeCalls();
    });

    it('writes the file again and restarts it', async () => {
      expect(await run('{ name: a, start: a }')).toMatchObject({ managed: ['a'], changed: ['a'], problems: [] });
      expect(systemd.file('a.service')).toContain('ExecStart=/bin/bash -c a\n');
      expect(systemd.takeCalls()).toContain('restart --no-block -- a.service');
    });

    it('retires it once no service needs it', async () => {
      expect(await run()).toMatchObject({ removed: ['a'], problems: [] });
      expect(systemd.takeCalls()).toEqual(['disable --now --quiet -- a.service', 'daemon-reload', 'reset-failed -- a.service']);
      expect(await readdir(directory())).toEqual([]);
      expect(await run()).toMatchObject({ removed: [] });
    });

    it('retires it later when systemd refuses that now', async () => {
      systemd.failure = { word: 'disable', says: 'Connection timed out' };
      expect(await run()).toMatchObject({ removed: [], problems: [{ about: 'a.service' }] });
      systemd.failure = undefined;
      expect(await run()).toMatchObject({ removed: ['a'], problems: [] });
    });
  });

  it('restarts after a run that was killed between writing and restarting', async () => {
    await run('{ name: a, start: a }');
    const before = applied;
    await run('{ name: a, start: a2 }');
    systemd.takeCalls();
    applied = before;
    await run('{ name: a, start: a2 }');
    expect(systemd.takeCalls()).toEqual(['daemon-reload', 'restart --no-block -- a.service']);
  });

  it('does not restart anything because its own memory was lost', async () => {
    await run('{ name: a, start: a }');
    systemd.takeCalls();
    applied = {};
    await run('{ name: a, start: a }');
    expect(systemd.takeCalls()).toEqual([]);
  });

  it('tries again next time what systemd refused, and goes on with the rest', async () => {
    systemd.failure = { word: 'enable', says: 'Unit a.service is masked.' };
    const result = await run('{ name: a, start: a }');
    expect(result.problems).toEqual([{ about: 'systemd', message: expect.stringContaining('Unit a.service is masked.') }]);
    expect(systemd.takeCalls().at(-1)).toBe('restart --no-block -- a.service');
    systemd.failure = { word: 'restart', says: 'Transport endpoint is not connected' };
    await run('{ name: a, start: a2 }');
    systemd.failure = undefined;
    systemd.takeCalls();
    expect(await run('{ name: a, start: a2 }')).toMatchObject({ changed: ['a'], problems: [] });
    expect(systemd.takeCalls()).toContain('restart --no-block -- a.service');
  });

  describe('leaves units of others alone:', () => {
    it('a file that somebody wrote under the name', async () => {
      await writeFile(join(directory(), 'a.service'), '[Service]\nExecStart=/bin/true\n');
      const result = await run('{ name: a, start: a }');
      expect(result).toMatchObject({
        managed: [],
        problems: [{ about: 'a.service', message: expect.stringContaining('not of the agent') }],
      });
      expect(await readFile(join(directory(), 'a.service'), 'utf8')).toBe('[Service]\nExecStart=/bin/true\n');
      expect(systemd.takeCalls()).toEqual([]);
      await run();
      expect(systemd.takeCalls()).toEqual([]);
      expect(await readdir(directory())).toEqual(['a.service']);
    });

    it('a unit of the distribution', async () => {
      systemd.vendor.set('ssh.service', '/lib/systemd/system/ssh.service');
      const result = await run('{ name: ssh, start: evil }');
      expect(result.problems).toEqual([{ about: 'ssh.service', message: expect.stringContaining('/lib/systemd/system/ssh.service') }]);
      expect(systemd.file('ssh.service')).toBeUndefined();
    });

    it('a unit of the distribution that took the place of a removed one', async () => {
      await run('{ name: a, start: a }');
      await rm(join(directory(), 'a.service'));
      systemd.vendor.set('a.service', '/lib/systemd/system/a.service');
      systemd.takeCalls();
      expect(await run()).toMatchObject({ removed: [], problems: [] });
      expect(systemd.takeCalls()).toEqual([]);
    });

    it('a unit of the agent that was masked since', async () => {
      await run('{ name: a, start: a }');
      await rm(join(directory(), 'a.service'));
      await symlink('/dev/null', join(directory(), 'a.service'));
      expect(await run('{ name: a, start: a }')).toMatchObject({ managed: [], problems: [{ about: 'a.service' }] });
    });

    it('a masked unit', async () => {
      await symlink('/dev/null', join(directory(), 'a.service'));
      expect(await run('{ name: a, start: a }')).toMatchObject({ managed: [], problems: [{ about: 'a.service' }] });
    });
  });
});
