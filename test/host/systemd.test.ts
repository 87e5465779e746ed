import { describe, expect, it } from 'vitest';
import {
  CommandFailedError,
  daemonReload,
  disableUnit,
  enableUnit,
  listUnits,
  readUnits,
  reloadUnit,
  restartUnit,
  unitState,
} from '../../src/host/index.ts';
import { fakeHost, type FakeReply } from '../support/fake-host.ts';

const SHOW = [
  'systemctl',
  '--no-pager',
  'show',
  '--property=LoadState,ActiveState,SubState,UnitFileState,FragmentPath,NeedDaemonReload,Job,InvocationID,ActiveEnterTimestampMonotonic,StateChangeTimestampMonotonic,MainPID,NRestarts',
  '--',
];

/** As systemd 252 prints them: services first say what only services have, a unit without a job has no line for it. */
const RUNNING = `MainPID=812
NRestarts=2
LoadState=loaded
ActiveState=active
SubState=running
FragmentPath=/lib/systemd/system/docker.service
UnitFileState=enabled
ActiveEnterTimestampMonotonic=40283511
StateChangeTimestampMonotonic=40283920
NeedDaemonReload=no
InvocationID=9f1b7d0a41c24f0e8d3f6b8f4f0c2a11
`;

const ABSENT = `MainPID=0
NRestarts=0
LoadState=not-found
ActiveState=inactive
SubState=dead
FragmentPath=
UnitFileState=
ActiveEnterTimestampMonotonic=0
NeedDaemonReload=no
InvocationID=
`;

/** A socket that is being started after its file was changed. */
const SOCKET = `LoadState=loaded
ActiveState=activating
SubState=start-pre
FragmentPath=/etc/systemd/system/docker.socket
UnitFileState=static
ActiveEnterTimestampMonotonic=0
Job=4711
NeedDaemonReload=yes
InvocationID=1f1b7d0a41c24f0e8d3f6b8f4f0c2a11
`;

function replying(stdout: string, ...more: readonly (readonly string[])[]): ReturnType<typeof fakeHost> {
  const replies: FakeReply[] = [
    { argv: [...SHOW, 'docker.service'], answer: { stdout } },
    ...more.map((argv) => ({ argv: ['systemctl', '--no-pager', ...argv] })),
  ];
  return fakeHost({ replies });
}

describe('listUnits', () => {
  const LIST = ['systemctl', '--no-pager', 'list-units', '--all', '--full', '--plain', '--no-legend', '--'];

  it('tells which of the units systemd has, also while one has a job', async () => {
    const stdout =
      'docker.service loaded active       running       Docker Application Container Engine\n' +
      'etcd.service   loaded deactivating stop-sigterm  stop etcd.service\n';
    const host = fakeHost({ replies: [{ argv: [...LIST, 'docker.service', 'etcd.service', 'gone.service'], answer: { stdout } }] });
    const { text, units } = await listUnits(host, ['docker.service', 'etcd.service', 'gone.service']);
    expect(text).toBe(stdout);
    expect(['docker.service', 'etcd.service', 'gone.service'].map((unit) => units.has(unit))).toEqual([true, true, false]);
  });

  it('asks nothing when there is no unit', async () => {
    expect(await listUnits(fakeHost(), [])).toEqual({ text: '', units: new Set() });
  });

  it('does not take a pattern for the name of a unit', async () => {
    await expect(listUnits(fakeHost(), ['dock*.service'])).rejects.toThrow('is not the name of a unit');
  });
});

describe('readUnits', () => {
  it('reads many units with one command, by the names asked for', async () => {
    const host = fakeHost({
      replies: [
        { argv: [...SHOW, 'docker.service', 'gone.service', 'docker.socket'], answer: { stdout: [RUNNING, ABSENT, SOCKET].join('\n') } },
      ],
    });
    const states = await readUnits(host, ['docker.service', 'gone.service', 'docker.service', 'docker.socket']);
    expect(host.commands).toHaveLength(1);
    expect([...states.keys()]).toEqual(['docker.service', 'gone.service', 'docker.socket']);
    expect(states.get('docker.service')).toEqual({
      load: 'loaded',
      active: 'active',
      sub: 'running',
      enablement: 'enabled',
      path: '/lib/systemd/system/docker.service',
      needsReload: false,
      queued: false,
      invocation: '9f1b7d0a41c24f0e8d3f6b8f4f0c2a11',
      activeSince: 40283511,
      changedSince: 40283920,
      mainPid: 812,
      restarts: 2,
    });
    expect(states.get('gone.service')).toMatchObject({
      load: 'not-found',
      enablement: '',
      path: '',
      invocation: '',
      activeSince: undefined,
      changedSince: undefined,
    });
    expect(states.get('docker.socket')).toMatchObject({ active: 'activating', queued: true, needsReload: true, mainPid: 0, restarts: 0 });
  });

  it('asks nothing when there is no unit', async () => {
    expect(await readUnits(fakeHost(), [])).toEqual(new Map());
  });

  it.each(['docker', 'dock*.service', 'getty@.service', '-H.evil', '12', ''])('does not take "%s" for the name of a unit', async (name) => {
    await expect(readUnits(fakeHost(), [name])).rejects.toThrow(`"${name}" is not the name of a unit`);
  });

  it('refuses an answer without the state, and one for fewer units', async () => {
    await expect(readUnits(replying('x=y\n'), ['docker.service'])).rejects.toMatchObject({
      code: 'HOST_FACTS_INVALID',
      message: expect.stringContaining('did not say LoadState'),
    });
    await expect(readUnits(replying(''), ['docker.service'])).rejects.toThrow('systemctl answered for 0 units instead of 1');
    await expect(readUnits(replying(`${RUNNING}\n${RUNNING}`), ['docker.service'])).rejects.toMatchObject({ code: 'HOST_FACTS_INVALID' });
  });
});

describe('unitState', () => {
  it('reads one unit', async () => {
    expect(await unitState(replying(RUNNING), 'docker.service')).toMatchObject({ active: 'active', mainPid: 812 });
  });
});

describe('units', () => {
  it('are handled by the commands of systemctl', async () => {
    const host = replying(
      RUNNING,
      ['daemon-reload'],
      ['enable', '--quiet', '--', 'a.service'],
      ['restart', '--', 'a.service'],
      ['reload', '--', 'a.service'],
    );
    await daemonReload(host);
    await enableUnit(host, 'a.service');
    await restartUnit(host, 'a.service');
    await reloadUnit(host, 'a.service');
    expect(host.commands).toHaveLength(4);
  });

  it('that do not exist need not be disabled', async () => {
    const absent = replying(ABSENT);
    await disableUnit(absent, 'docker.service');
    expect(absent.commands).toHaveLength(1);
  });

  it('that are disabled are not left failed, which systemctl refuses for one that it does not know any more', async () => {
    const argv = (...words: readonly string[]): readonly string[] => ['systemctl', '--no-pager', ...words, '--', 'docker.service'];
    const refusal = { exitCode: 1, stderr: 'Failed to reset failed state of unit docker.service: Unit docker.service not loaded.\n' };
    const host = fakeHost({
      name: 'm1',
      replies: [
        { argv: [...SHOW, 'docker.service'], answer: { stdout: RUNNING } },
        { argv: argv('disable', '--now', '--quiet'), answer: {} },
        { argv: argv('reset-failed'), answer: refusal },
      ],
    });
    await disableUnit(host, 'docker.service');
    expect(host.commands).toHaveLength(3);
  });

  it('that fail throw with what systemctl said', async () => {
    const host = fakeHost({
      name: 'm1',
      replies: [
        { argv: ['systemctl', '--no-pager', 'restart', '--', 'a.service'], answer: { exitCode: 5, stderr: 'Unit a.service not found.\n' } },
      ],
    });
    const starting = restartUnit(host, 'a.service');
    await expect(starting).rejects.toBeInstanceOf(CommandFailedError);
    await expect(starting).rejects.toThrow(
      'Cannot run "systemctl --no-pager restart -- a.service" on "m1": exit status 5, Unit a.service not found.',
    );
  });
});
