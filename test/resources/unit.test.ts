import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openLocalHost, shellScript } from '../../src/host/index.ts';
import { FRESHNESS_SCRIPT, isRunningWith } from '../../src/install/unit-freshness.ts';
import { fakeHost } from '../support/fake-host.ts';
import { useTempDir } from '../support/temp-dir.ts';

const signal = new AbortController().signal;
const directory = useTempDir();

/** A unit that was started 100 s after boot, at 1100 in seconds since the epoch. */
const RUNNING = {
  ActiveState: 'active',
  UnitFileState: 'enabled',
  NeedDaemonReload: 'no',
  ActiveEnterTimestampMonotonic: '100000000',
  Now: '1500.0',
  Uptime: '500.0',
};

function isFresh(changes: Readonly<Record<string, string>>, exitCode = 0): Promise<boolean> {
  const stdout = Object.entries({ ...RUNNING, ...changes })
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
  const host = fakeHost({ replies: [{ argv: shellScript(FRESHNESS_SCRIPT, ['a.service', '/etc/a']), answer: { stdout, exitCode } }] });
  return isRunningWith(host, 'a.service', ['/etc/a'], signal);
}

describe('isRunningWith', () => {
  it.each([
    ['started after its file changed', { Changed: '1099.5' }, true],
    ['started in the moment its file changed', { Changed: '1100.01' }, true],
    ['started before its file changed', { Changed: '1101' }, false],
    ['not running', { Changed: '1000', ActiveState: 'failed' }, false],
    ['still starting', { Changed: '1000', ActiveState: 'activating' }, false],
    ['not enabled', { Changed: '1000', UnitFileState: 'disabled' }, false],
    ['a unit that needs no enabling', { Changed: '1000', UnitFileState: 'static' }, true],
    ['changed on disk since systemd read it', { Changed: '1000', NeedDaemonReload: 'yes' }, false],
    ['without a time', { Changed: '1000', ActiveEnterTimestampMonotonic: '' }, false],
  ])('takes a unit that is %s so', async (_, changes, fresh) => {
    expect(await isFresh(changes)).toBe(fresh);
  });

  it('takes a unit whose file is missing for one that does not run with it', async () => {
    expect(await isFresh({}, 1)).toBe(false);
  });

  it('asks in a way that a shell and stat understand', async () => {
    const file = join(directory(), 'it is');
    await writeFile(file, '');
    // Where there is no systemd, its question alone is left out.
    const script = FRESHNESS_SCRIPT.replace(/^systemctl.*$/m, 'echo asked');
    const { stdout, exitCode } = await openLocalHost({ name: 'here' }).run({ argv: shellScript(script, ['a.service', file]) });
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^asked\nNow=\d+\.\d+\nUptime=\d+\.\d+\nChanged=\d+\.\d+\n$/);
    expect((await openLocalHost({ name: 'here' }).run({ argv: shellScript(script, ['a', `${file}-missing`]) })).exitCode).not.toBe(0);
  });
});
