import { describe, expect, it } from 'vitest';
import { CommandFailedError, daemonReload, disableUnit, enableUnit, restartUnit, startUnit, unitState } from '../../src/host/index.ts';
import { fakeHost, type FakeReply } from '../support/fake-host.ts';

const SHOW = [
  'systemctl',
  '--no-pager',
  'show',
  '--property=LoadState,ActiveState,SubState,UnitFileState,MainPID,NRestarts,ActiveEnterTimestamp,NeedDaemonReload',
  '--timestamp=unix',
  '--',
  'docker.service',
];

const RUNNING = `MainPID=812
NRestarts=2
LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled
ActiveEnterTimestamp=@1795373687
NeedDaemonReload=no
`;

const ABSENT = `MainPID=0
NRestarts=0
LoadState=not-found
ActiveState=inactive
SubState=dead
UnitFileState=
ActiveEnterTimestamp=
NeedDaemonReload=no
`;

function replying(stdout: string, ...more: readonly (readonly string[])[]): ReturnType<typeof fakeHost> {
  const replies: FakeReply[] = [
    { argv: SHOW, answer: { stdout } },
    ...more.map((argv) => ({ argv: ['systemctl', '--no-pager', ...argv] })),
  ];
  return fakeHost({ replies });
}

describe('unitState', () => {
  it('reads a running service', async () => {
    expect(await unitState(replying(RUNNING), 'docker.service')).toEqual({
      load: 'loaded',
      active: 'active',
      sub: 'running',
      file: 'enabled',
      mainPid: 812,
      restarts: 2,
      activeSince: 1795373687,
      needsReload: false,
    });
  });

  it('reads a unit that does not exist, and one that is no service', async () => {
    expect(await unitState(replying(ABSENT), 'docker.service')).toMatchObject({ load: 'not-found', activeSince: undefined, file: '' });
    const target = RUNNING.replace(/MainPID.*\nNRestarts.*\n/, '');
    expect(await unitState(replying(target), 'docker.service')).toMatchObject({ mainPid: 0, restarts: 0 });
  });

  it('refuses an answer without the state', async () => {
    await expect(unitState(replying('x=y\n'), 'docker.service')).rejects.toMatchObject({ code: 'HOST_FACTS_INVALID' });
  });
});

describe('units', () => {
  it('are handled by the commands of systemctl', async () => {
    const host = replying(
      RUNNING,
      ['daemon-reload'],
      ['enable', '--quiet', '--', 'a.service'],
      ['start', '--', 'a.service'],
      ['restart', '--', 'a.service'],
    );
    await daemonReload(host);
    await enableUnit(host, 'a.service');
    await startUnit(host, 'a.service');
    await restartUnit(host, 'a.service');
    expect(host.commands).toHaveLength(4);
  });

  it('that do not exist need not be disabled', async () => {
    const absent = replying(ABSENT);
    await disableUnit(absent, 'docker.service');
    expect(absent.commands).toHaveLength(1);
    const running = replying(RUNNING, ['disable', '--now', '--quiet', '--', 'docker.service']);
    await disableUnit(running, 'docker.service');
    expect(running.commands).toHaveLength(2);
  });

  it('that fail throw with what systemctl said', async () => {
    const host = fakeHost({
      name: 'm1',
      replies: [
        { argv: ['systemctl', '--no-pager', 'start', '--', 'a.service'], answer: { exitCode: 5, stderr: 'Unit a.service not found.\n' } },
      ],
    });
    const starting = startUnit(host, 'a.service');
    await expect(starting).rejects.toBeInstanceOf(CommandFailedError);
    await expect(starting).rejects.toThrow(
      'Cannot run "systemctl --no-pager start -- a.service" on "m1": exit status 5, Unit a.service not found.',
    );
  });
});
