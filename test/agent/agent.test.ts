import { chmod, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { definitionDigest } from '../../src/agent/index.ts';
import { systemClock } from '../../src/core/index.ts';
import { component, useAgent } from './use-agent.ts';

const under = useAgent();
const { start, stop, define, until } = under;

const ok = { exitCode: 0, stdout: '', stderr: '' };

describe('NodeAgent', () => {
  it('starts what is defined and tells its state', async () => {
    await define('a.yaml', '{ name: a, start: a, health: { model: cmd, address: check-a } }');
    under.systemd.command = () => ok;
    start();
    const status = await until((seen) => component(seen, 'a')?.state === 'healthy');
    expect(status).toMatchObject({ node: { name: 'm1', uuid: 'u-1' }, roles: ['manage'], version: '1.2.3', problems: [] });
    expect(component(status, 'a')).toMatchObject({ reason: '', errors: 0, unit: { active: 'active', sub: 'running' } });
  });

  it('leaves services running when it ends', async () => {
    await define('a.yaml', '{ name: a, start: a }');
    start();
    await until((seen) => component(seen, 'a')?.state === 'healthy');
    under.systemd.takeCalls();
    await stop();
    expect(under.systemd.takeCalls()).toEqual([]);
    expect(under.systemd.units.get('a.service')?.active).toBe('active');
  });

  it('remembers since when a component is healthy across its own restart, and restarts no service', async () => {
    await define('a.yaml', '{ name: a, start: a }');
    start({ now: () => new Date('2025-01-01T00:00:00Z'), monotonic: () => performance.now() });
    await until((seen) => component(seen, 'a')?.state === 'healthy');
    await stop();
    under.systemd.takeCalls();
    start({ now: () => new Date('2025-06-01T00:00:00Z'), monotonic: () => performance.now() });
    const status = await until((seen) => component(seen, 'a')?.state === 'healthy');
    expect(component(status, 'a')?.since).toBe('2025-01-01T00:00:00.000Z');
    expect(status.time).toBe('2025-06-01T00:00:00.000Z');
    expect(under.systemd.takeCalls()).toEqual([]);
  });

  it('becomes unhealthy after more failures than allowed, with the reason', async () => {
    await define(
      'a.yaml',
      '{ name: a, start: a, health: { model: cmd, address: x, time_interval: 1, max_errors_num: 1, grace: 0, on_unhealthy: report } }',
    );
    under.systemd.command = () => ({ exitCode: 1, stdout: '', stderr: 'no leader' });
    start();
    const starting = await until((seen) => component(seen, 'a')?.errors === 1);
    expect(component(starting, 'a')?.state).toBe('starting');
    const status = await until((seen) => component(seen, 'a')?.state === 'unhealthy');
    expect(component(status, 'a')).toMatchObject({ reason: 'exit status 1: no leader', errors: 2 });
  });

  it('picks up a changed file on its own', async () => {
    await define('a.yaml', '{ name: a, start: a }');
    start();
    await until((seen) => component(seen, 'a')?.state === 'healthy');
    under.systemd.takeCalls();
    await define('a.yaml', '{ name: a, start: a2 }');
    await define('b.yaml', '{ name: b, start: b }');
    await until((seen) => component(seen, 'b')?.state === 'healthy');
    await under.agent.reload();
    expect(under.systemd.takeCalls()).toContain('daemon-reload');
    expect(under.systemd.file('a.service')).toContain('a2');
  });

  it('stops and forgets a service whose file went', async () => {
    await define('a.yaml', '{ name: a, start: a }');
    await define('b.yaml', '{ name: b, start: b }');
    start();
    await until((seen) => seen.components.length === 2);
    await rm(join(under.config.definitions, 'a.yaml'));
    await under.agent.reload();
    expect((await under.agent.status()).components.map(({ name }) => name)).toEqual(['b']);
    expect(under.systemd.file('a.service')).toBeUndefined();
  });

  it('shows a disabled service as stopped', async () => {
    await define('a.yaml', '{ name: a, start: a, disable: true }');
    start();
    const status = await until((seen) => seen.components.length === 1);
    expect(component(status, 'a')).toMatchObject({ state: 'stopped', reason: 'disabled in its definition' });
    expect(under.systemd.file('a.service')).toBeUndefined();
  });

  it('keeps the last good definitions of a file with mistakes, even when it is restarted meanwhile', async () => {
    await define('a.yaml', '{ name: a, start: a }');
    start();
    await until((seen) => component(seen, 'a')?.state === 'healthy');
    await define('a.yaml', '{ name: a, strat: a2 }');
    await under.agent.reload();
    const broken = await under.agent.status();
    expect(broken.problems).toEqual([
      {
        about: join(under.config.definitions, 'a.yaml'),
        message: expect.stringMatching(/a\.yaml:2:23: services\[0\]\.strat: unknown key/),
      },
    ]);
    expect(component(broken, 'a')?.state).toBe('healthy');
    await stop();
    under.systemd.takeCalls();
    start();
    expect((await until((seen) => component(seen, 'a')?.state === 'healthy')).problems).toHaveLength(1);
    expect(under.systemd.takeCalls()).toEqual([]);
    expect(under.systemd.file('a.service')).toContain('-c a\n');
  });

  it('keeps everything when the directory of definitions is away', async () => {
    await define('a.yaml', '{ name: a, start: a }');
    start();
    await until((seen) => component(seen, 'a')?.state === 'healthy');
    await rm(under.config.definitions, { recursive: true });
    await under.agent.reload();
    const status = await under.agent.status();
    expect(status.problems).toHaveLength(1);
    expect(component(status, 'a')?.state).toBe('healthy');
  });

  it('uses the first of two definitions of one name, and says so', async () => {
    await define('a.yaml', '{ name: a, start: first }');
    await define('b.yaml', '{ name: a, start: second }');
    start();
    const status = await until((seen) => seen.components.length > 0);
    expect(status.problems).toEqual([
      { about: join(under.config.definitions, 'b.yaml'), message: expect.stringContaining('is defined in') },
    ]);
    expect(under.systemd.file('a.service')).toContain('first');
  });

  it('lets a running service keep its definition when a file earlier in order names it too', async () => {
    await define('dns.yaml', '{ name: dns, start: running }');
    start();
    await until((seen) => component(seen, 'dns')?.state === 'healthy');
    under.systemd.takeCalls();
    await define('aaa.yaml', '{ name: dns, start: other }', '{ name: a, start: a }');
    await under.agent.reload();
    const [old, added] = [join(under.config.definitions, 'dns.yaml'), join(under.config.definitions, 'aaa.yaml')];
    const problem = { about: added, message: `Cannot use service "dns" of "${added}": it is defined in "${old}" already` };
    expect((await under.agent.status()).problems).toEqual([problem]);
    expect(under.systemd.file('dns.service')).toContain('running');
    expect(under.systemd.file('a.service')).toBeDefined();
    await stop();
    start();
    expect((await under.agent.status()).problems).toEqual([problem]);
    expect(under.systemd.takeCalls().filter((call) => call.includes('dns.service'))).toEqual([]);
    await rm(old);
    await under.agent.reload();
    expect((await under.agent.status()).problems).toEqual([]);
    expect(under.systemd.file('dns.service')).toContain('other');
  });

  it('names a directory and a link to nothing among the definitions, and reads the rest', async () => {
    const [directory, link] = [join(under.config.definitions, 'd.yaml'), join(under.config.definitions, 'c.yaml')];
    await mkdir(directory);
    await symlink('/nowhere/c.yaml', link);
    await define('z.yaml', '{ name: z, start: z }');
    start();
    const status = await until((seen) => component(seen, 'z')?.state === 'healthy');
    expect(status.problems).toEqual([
      { about: link, message: `Cannot use "${link}": it is a link to "/nowhere/c.yaml", which does not exist` },
      { about: directory, message: `Cannot use "${directory}": it is a directory, and definitions are read from files` },
    ]);
    // The files after them are looked at all the same.
    await define('z.yaml', '{ name: z, start: z2 }');
    await until(() => under.systemd.file('z.service')?.includes('z2') === true);
  });

  it('does not run what everybody may write', async () => {
    await define('a.yaml', '{ name: a, start: a }');
    await chmod(join(under.config.definitions, 'a.yaml'), 0o666);
    start();
    const status = await until((seen) => seen.problems.length > 0);
    expect(status.components).toEqual([]);
    expect(under.systemd.file('a.service')).toBeUndefined();
  });

  it('starts without its memory when that is damaged', async () => {
    await mkdir(under.config.state);
    await writeFile(join(under.config.state, 'state.json'), '{"version":1,"components":{"a":');
    await define('a.yaml', '{ name: a, start: a }');
    start();
    await until((seen) => component(seen, 'a')?.state === 'healthy');
  });

  it('shows a service whose unit it may not write as unknown', async () => {
    under.systemd.vendor.set('ssh.service', '/lib/systemd/system/ssh.service');
    await define('a.yaml', '{ name: ssh, start: a }');
    start();
    const status = await until((seen) => seen.problems.length > 0);
    expect(component(status, 'ssh')).toMatchObject({ state: 'unknown', reason: 'its unit could not be written' });
  });

  it('tells when it looked, at which start of the unit, and by which text of the definition', async () => {
    await define('a.yaml', '{ name: a, start: a, health: { model: cmd, address: x, time_interval: 1 } }');
    under.systemd.command = () => ok;
    const before = new Date().toISOString();
    start();
    const status = await until((seen) => component(seen, 'a')?.state === 'healthy');
    const { seen = '', unit, definition } = component(status, 'a') ?? {};
    expect(definition).toBe(definitionDigest(await readFile(join(under.config.definitions, 'a.yaml'), 'utf8')));
    expect(unit).toMatchObject({ active: 'active', restarts: 0 });
    expect([before, unit?.started ?? '', status.time].toSorted()).toEqual([before, unit?.started, status.time]);
    expect([before, seen, status.time].toSorted()).toEqual([before, seen, status.time]);
    const later = await until((now) => (component(now, 'a')?.seen ?? '') > seen);
    expect(component(later, 'a')).toMatchObject({ since: component(status, 'a')?.since, unit: { started: unit?.started } });
  });

  it('does not call a unit healthy that was started again, until a probe of this start says so', async () => {
    await define('a.yaml', '{ name: a, start: a, health: { model: cmd, address: x, time_interval: 60 } }');
    under.systemd.command = () => ok;
    start();
    const first = component(await until((seen) => component(seen, 'a')?.state === 'healthy'), 'a');
    under.systemd.restart('a.service');
    const second = component(await until((seen) => component(seen, 'a')?.unit?.restarts === 1), 'a');
    expect(second).toMatchObject({ state: 'starting', reason: expect.stringContaining('started again') });
    expect(second?.seen).toBeUndefined();
    expect((second?.since ?? '') > (first?.since ?? '')).toBe(true);
    expect((second?.unit?.started ?? '') > (first?.unit?.started ?? '')).toBe(true);
  });

  it.each([
    ['after a boot of the machine', 'boot-2', () => {}, 'unknown'],
    ['of an earlier start of its unit', 'boot-1', () => under.systemd.restart('a.service'), 'starting'],
  ])('does not believe what it remembers %s', async (_, bootId, happen, state) => {
    await define('a.yaml', '{ name: a, start: a, health: { model: cmd, address: x } }');
    under.systemd.command = () => ok;
    start();
    const before = component(await until((seen) => component(seen, 'a')?.state === 'healthy'), 'a');
    await stop();
    happen();
    let answer = (): void => {};
    under.systemd.command = () => new Promise((resolve) => (answer = (): void => resolve(ok)));
    start(systemClock, bootId);
    const now = component(await under.agent.status(), 'a');
    expect(now).toMatchObject({ state });
    expect(now?.seen).toBeUndefined();
    expect((now?.since ?? '') > (before?.since ?? '')).toBe(true);
    answer();
    await until((seen) => component(seen, 'a')?.state === 'healthy');
  });

  it('tells of the text that it works with, not of the one with mistakes', async () => {
    await define('a.yaml', '{ name: a, start: a }');
    const good = definitionDigest(await readFile(join(under.config.definitions, 'a.yaml'), 'utf8'));
    start();
    await until((seen) => component(seen, 'a')?.state === 'healthy');
    await define('a.yaml', '{ name: a, strat: a2 }');
    await under.agent.reload();
    expect(component(await under.agent.status(), 'a')?.definition).toBe(good);
  });

  it('tells of no text that systemd refused', async () => {
    under.systemd.failure = { word: 'restart', says: 'Transport endpoint is not connected' };
    await define('a.yaml', '{ name: a, start: a }');
    start();
    await until((seen) => seen.problems.length > 0);
    expect(component(await under.agent.status(), 'a')?.definition).toBeUndefined();
  });
});

describe('services that an operator stopped', () => {
  it('are neither started nor probed, after a boot neither, until they are held no more', async () => {
    await mkdir(under.config.state);
    await define('x.yaml', '{ name: a, start: a }', '{ name: b, start: b }');
    start();
    await until(({ components }) => components.length === 2);
    await writeFile(join(under.config.state, 'held'), 'a\n');
    await under.agent.reload();
    const stopped = { name: 'a', state: 'stopped', reason: 'an operator took the node down' };
    expect((await under.agent.status()).components).toMatchObject([stopped, { name: 'b' }]);
    expect(under.systemd.file('a.service')).toBeUndefined();
    await stop();
    start(systemClock, 'boot-2');
    expect((await under.agent.status()).components).toMatchObject([stopped, { name: 'b' }]);
    expect(under.systemd.file('a.service')).toBeUndefined();
    await rm(join(under.config.state, 'held'));
    await under.agent.reload();
    expect(under.systemd.file('a.service')).toContain('ExecStart=');
  });

  it('stay as they are where the list cannot be read, and the status says so', async () => {
    await mkdir(join(under.config.state, 'held'), { recursive: true });
    await define('x.yaml', '{ name: a, start: a }');
    start();
    const { problems } = await under.agent.status();
    expect(problems).toMatchObject([{ about: 'held services', message: expect.stringContaining('which services an operator stopped') }]);
  });
});
