import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { silent, systemClock } from '../../src/core/index.ts';
import { openLocalHost, shellScript, type Command } from '../../src/host/index.ts';
import { dockerEngine } from '../../src/resources/containers/docker/docker-engine.ts';
import { aptManager } from '../../src/resources/packages/apt/apt-manager.ts';
import { FILE_TIMES_SCRIPT, unitKind, type UnitSpec } from '../../src/resources/unit.ts';
import { fakeHost, type FakeHost } from '../support/fake-host.ts';
import { useTempDir } from '../support/temp-dir.ts';

const context = { packages: aptManager, engine: dockerEngine, clock: systemClock, emit: silent, signal: new AbortController().signal };
const directory = useTempDir();
const RESTART: UnitSpec = { restartOn: ['/etc/a'], reloadOn: [] };
const RELOAD: UnitSpec = { restartOn: [], reloadOn: ['/etc/a'] };

/** A unit that was started 100 s after boot, at 1100 in seconds since the epoch, and reloaded 50 s later. */
const RUNNING = {
  LoadState: 'loaded',
  ActiveState: 'active',
  SubState: 'running',
  UnitFileState: 'enabled',
  FragmentPath: '/etc/systemd/system/a.service',
  NeedDaemonReload: 'no',
  ActiveEnterTimestampMonotonic: '100000000',
  StateChangeTimestampMonotonic: '150000000',
};
const PROPERTIES =
  'LoadState,ActiveState,SubState,UnitFileState,FragmentPath,NeedDaemonReload,Job,InvocationID,' +
  'ActiveEnterTimestampMonotonic,StateChangeTimestampMonotonic,MainPID,NRestarts';

function hostWith(changes: Readonly<Record<string, string>>, changed: string | undefined): FakeHost {
  const systemctl = (...words: string[]): readonly string[] => ['systemctl', '--no-pager', ...words];
  const shown = Object.entries({ ...RUNNING, ...changes })
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
  const times = ['now 1500.0', 'uptime 500.0', ...(changed === undefined ? [] : [`changed ${changed} /etc/a`]), ''].join('\0');
  return fakeHost({
    replies: [
      { argv: systemctl('show', `--property=${PROPERTIES}`, '--', 'a.service'), answer: { stdout: shown } },
      { argv: shellScript(FILE_TIMES_SCRIPT, ['/etc/a']), answer: { stdout: times } },
      { argv: systemctl('daemon-reload') },
      { argv: systemctl('enable', '--quiet', '--', 'a.service') },
      { argv: systemctl('restart', '--', 'a.service') },
      { argv: systemctl('reload', '--', 'a.service') },
    ],
  });
}

async function found(spec: UnitSpec, changes: Readonly<Record<string, string>>, changed: string | undefined): Promise<string | undefined> {
  const [state] = await unitKind.look(hostWith(changes, changed), [{ key: 'a.service', spec }], context);
  return state?.state;
}

describe('a unit', () => {
  it.each([
    ['started after its file changed', {}, '1099.5', 'same'],
    ['started in the moment its file changed', {}, '1100.01', 'same'],
    ['started before its file changed', {}, '1101', 'different'],
    ['not running', { ActiveState: 'failed' }, '1000', 'different'],
    ['still starting', { ActiveState: 'activating' }, '1000', 'different'],
    ['not enabled', { UnitFileState: 'disabled' }, '1000', 'different'],
    ['one that needs no enabling', { UnitFileState: 'static' }, '1000', 'same'],
    ['changed on disk since systemd read it', { NeedDaemonReload: 'yes' }, '1000', 'different'],
    ['without a time', { ActiveEnterTimestampMonotonic: '' }, '1001', 'different'],
    ['without its file', {}, undefined, 'different'],
    ['unknown to systemd', { LoadState: 'not-found' }, '1000', 'absent'],
  ])('that is %s is found so', async (_, changes, changed, state) => {
    expect(await found(RESTART, changes, changed)).toBe(state);
  });

  it.each([
    ['before its last reload', '1149', 'same'],
    ['after its last reload', '1151', 'different'],
  ])('whose file changed %s, and is taken by a reload, is found so', async (_, changed, state) => {
    expect(await found(RELOAD, {}, changed)).toBe(state);
  });

  it.each([
    ['reloaded where that is enough', RELOAD, 'reload'],
    ['restarted where it is not', RESTART, 'restart'],
  ])('is %s', async (_, spec, verb) => {
    const host = hostWith({}, '1200');
    await unitKind.ensure(host, [{ key: 'a.service', spec, replaces: false }], context);
    const verbs = host.commands.map(({ argv }: Command) => argv[2]).filter((word) => word === 'reload' || word === 'restart');
    expect(verbs).toEqual([verb]);
  });

  it.each([
    [
      'starts anew when both mean so',
      { restartOn: ['/etc/a'], reloadOn: ['/etc/a'] },
      { state: 'different', why: 'it runs with an older /etc/a' },
    ],
    ['takes a file by a reload, and says so', RELOAD, { state: 'different', why: 'it runs with an older /etc/a', byReload: true }],
    ['starts anew for a file that it reads at its start', RESTART, { state: 'different', why: 'it runs with an older /etc/a' }],
  ])('%s', async (_, spec, expected) => {
    expect(await unitKind.look(hostWith({}, '1200'), [{ key: 'a.service', spec }], context)).toEqual([expected]);
  });

  it.each<readonly [string, Readonly<Record<string, string>>, string | undefined, string]>([
    ['it lacks a file', {}, undefined, '/etc/a is missing'],
    ['it is down', { ActiveState: 'failed' }, '1000', 'it does not run'],
    ['its own file changed', { NeedDaemonReload: 'yes' }, '1000', 'systemd runs an older unit file'],
    ['no boot starts it', { UnitFileState: 'disabled' }, '1000', 'it is not started at boot'],
  ])('says why it is to start anew where %s, also where a reload would take its files', async (_, changes, changed, why) => {
    for (const spec of [RESTART, RELOAD])
      expect(await unitKind.look(hostWith(changes, changed), [{ key: 'a.service', spec }], context)).toEqual([{ state: 'different', why }]);
  });

  it('that is as wanted is left alone, without a reload of systemd', async () => {
    const host = hostWith({}, '1000');
    await unitKind.ensure(host, [{ key: 'a.service', spec: RESTART, replaces: false }], context);
    expect(host.commands.filter(({ argv }) => argv[0] === 'systemctl' && argv[2] !== 'show')).toEqual([]);
  });

  it('is asked for nothing where there is none', async () => {
    const host = fakeHost();
    expect(await unitKind.look(host, [], context)).toEqual([]);
    await unitKind.ensure(host, [], context);
    expect(host.commands).toEqual([]);
  });

  it('is asked for in a way that a shell and stat understand', async () => {
    const file = join(directory(), 'it is');
    await writeFile(file, '');
    const { stdout, exitCode } = await openLocalHost({ name: 'here' }).run({
      argv: shellScript(FILE_TIMES_SCRIPT, [file, `${file}-missing`]),
    });
    expect(exitCode).toBe(0);
    const [now, uptime, changed, end] = stdout.split('\0');
    expect([now, uptime, end]).toEqual([expect.stringMatching(/^now \d+\.\d+$/), expect.stringMatching(/^uptime \d+\.\d+$/), '']);
    expect(changed).toMatch(new RegExp(`^changed \\d+\\.\\d+ ${file}$`));
  });
});

describe('the command after the removal of a unit', () => {
  const command = ['/bin/sh', '-c', 'ip link delete docker0\nexit 0'];
  const spec: UnitSpec = { ...RESTART, afterRemoval: command };
  const owned = { kind: 'unit', key: 'a.service', owner: 'a', details: unitKind.details?.(spec) ?? {} };
  const disable = ['systemctl', '--no-pager', 'disable', '--now', '--quiet', '--', 'a.service'];
  const forget = ['systemctl', '--no-pager', 'reset-failed', '--', 'a.service'];

  const shown = (load: string): string =>
    Object.entries({ ...RUNNING, LoadState: load })
      .map(([name, value]) => `${name}=${value}\n`)
      .join('');

  async function removed(load: string, exitCode = 0): Promise<readonly (readonly string[])[]> {
    const host = fakeHost({
      replies: [
        {
          argv: ['systemctl', '--no-pager', 'show', `--property=${PROPERTIES}`, '--', 'a.service'],
          answer: { stdout: shown(load) },
        },
        { argv: disable },
        { argv: forget },
        { argv: command, answer: { exitCode } },
      ],
    });
    await unitKind.remove(host, [owned], context, { purge: false });
    return host.commands.map(({ argv }) => argv).slice(1);
  }

  it('runs from the record alone once the unit was stopped, and again where a killed run had done it', async () => {
    expect(await removed('loaded')).toEqual([disable, forget, command]);
    expect(await removed('not-found')).toEqual([command]);
  });

  it('ends the removal where it fails', async () => {
    await expect(removed('loaded', 1)).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
  });

  it('comes after the sockets of the unit were stopped, by which a call would start it again', async () => {
    const show = (unit: string): readonly string[] => ['systemctl', '--no-pager', 'show', `--property=${PROPERTIES}`, '--', unit];
    const stop = (unit: string): readonly string[] => ['systemctl', '--no-pager', 'disable', '--now', '--quiet', '--', unit];
    const reset = (unit: string): readonly string[] => ['systemctl', '--no-pager', 'reset-failed', '--', unit];
    const units = ['a.socket', 'b.socket', 'a.service'];
    const host = fakeHost({
      replies: [
        ...units.flatMap((unit) => [
          { argv: show(unit), answer: { stdout: shown('loaded') } },
          { argv: stop(unit) },
          { argv: reset(unit) },
        ]),
        { argv: command },
      ],
    });
    const details = unitKind.details?.({ ...spec, sockets: ['a.socket', 'b.socket'] }) ?? {};
    await unitKind.remove(host, [{ ...owned, details }], context, { purge: false });
    expect(host.commands.map(({ argv }) => argv).filter((argv) => !argv.includes('show'))).toEqual([
      ...units.flatMap((unit) => [stop(unit), reset(unit)]),
      command,
    ]);
  });

  it('is none where the record has none', async () => {
    expect(unitKind.details?.(RESTART)).toEqual({});
    const { details: _, ...older } = owned;
    for (const one of [older, { ...older, details: {} }]) {
      const show = ['systemctl', '--no-pager', 'show', `--property=${PROPERTIES}`, '--', 'a.service'];
      const host = fakeHost({ replies: [{ argv: show, answer: { stdout: shown('loaded') } }, { argv: disable }, { argv: forget }] });
      await unitKind.remove(host, [one], context, { purge: false });
      expect(host.commands.map(({ argv }) => argv)).toEqual([show, disable, forget]);
    }
  });
});
