import { describe, expect, it } from 'vitest';
import { CaissonError } from '../../src/core/index.ts';
import { CommandFailedError, openLocalHost, runChecked, type Host } from '../../src/host/index.ts';
import { askInTime, type Question } from '../../src/preflight/question.ts';

const signal = new AbortController().signal;

function question(ask: (host: Host) => Promise<unknown>): Question<unknown> {
  return { subject: 'what it has', seconds: 1, remedy: 'Look for what hangs', ask };
}

function shell(script: string): (host: Host) => Promise<unknown> {
  return async (host) => (await runChecked(host, { argv: ['/bin/sh', '-c', script] }, { signal })).stdout;
}

/** What becomes of a script as a question to this machine. */
async function outcomeOf(script: string): Promise<unknown> {
  return askInTime(openLocalHost({ name: 'm1' }), question(shell(script)), signal);
}

describe('askInTime', () => {
  it('gives the answer of a host that answers in time', async () => {
    expect(await outcomeOf('echo all')).toEqual({ answer: 'all\n' });
  });

  it('takes a question that hangs for a finding, and ends what hangs on the host', async () => {
    const mark = `${process.pid}.75`;
    expect(await outcomeOf(`sleep ${mark}`)).toEqual({
      finding: { host: 'm1', problem: 'it did not say within 1 s what it has', remedy: 'Look for what hangs' },
    });
    const left = await openLocalHost({ name: 'm1' }).run({ argv: ['pgrep', '-f', `^sleep ${mark}`] });
    expect(left.stdout).toBe('');
  });

  it('tells how a script ended, and not the script', async () => {
    expect(await outcomeOf('echo "df: no such file" >&2; exit 3')).toEqual({
      finding: { host: 'm1', problem: 'it could not say what it has: exit status 3, df: no such file', remedy: 'Look for what hangs' },
    });
  });

  it('gives up by itself when not even the time-out on the host answers', async () => {
    const idle: (number | undefined)[] = [];
    const host: Host = {
      ...openLocalHost({ name: 'm1' }),
      run: async ({ idleTimeoutMs }) => {
        idle.push(idleTimeoutMs);
        throw new CaissonError('COMMAND_STALLED', 'Cannot finish "timeout 1 /bin/sh -s -- /var/lib" on "m1"');
      },
    };
    expect(await askInTime(host, question(shell('')), signal)).toMatchObject({
      finding: { problem: 'it did not say within 1 s what it has' },
    });
    expect(idle).toEqual([16_000]);
  });

  it('takes a lost connection for a finding with its own remedy', async () => {
    const lost = new CaissonError('HOST_CONNECTION', 'Cannot go on with "m1": the host closed it', { hint: 'Run it again' });
    const asked = askInTime(
      openLocalHost({ name: 'm1' }),
      question(() => Promise.reject(lost)),
      signal,
    );
    expect(await asked).toEqual({ finding: { host: 'm1', problem: lost.message, remedy: 'Run it again' } });
  });

  it('throws bugs and interruptions', async () => {
    const host = openLocalHost({ name: 'm1' });
    await expect(
      askInTime(
        host,
        question(() => Promise.reject(new TypeError('bug'))),
        signal,
      ),
    ).rejects.toThrow('bug');
    const failed = new CommandFailedError('m1', ['x'], { exitCode: 1, stdout: '', stderr: '' });
    await expect(
      askInTime(
        host,
        question(() => Promise.reject(failed)),
        AbortSignal.abort(new Error('stopped')),
      ),
    ).rejects.toThrow('stopped');
  });
});
