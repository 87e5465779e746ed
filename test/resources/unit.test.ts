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
