import { describe, expect, it } from 'vitest';
import type { Event } from '../../src/core/index.ts';
import { aptGet } from '../../src/resources/packages/apt/access.ts';
import { recoverPackages, runPackageTool } from '../../src/resources/packages/apt/tool.ts';
import { fakeHost, type FakeAnswer } from '../support/fake-host.ts';

const UPDATE = aptGet('update');
const FIX = aptGet('install', '--fix-broken', '--no-remove', '--no-install-recommends');
const CONFIGURE = ['dpkg', '--configure', '--pending', '--force-confdef', '--force-confold'];
const LOCKED: FakeAnswer = {
  exitCode: 100,
  stderr: 'E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 4711 (apt-get)\n',
};

function fixture(answers: readonly FakeAnswer[], argv: readonly string[] = UPDATE.argv) {
  const left = [...answers];
  const host = fakeHost({
    replies: [{ argv, answer: () => left.shift() ?? {} }, { argv: FIX.argv }],
  });
  const events: Event[] = [];
  const slept: number[] = [];
  const options = {
    signal: new AbortController().signal,
    emit: (event: Event) => void events.push(event),
    sleep: async (milliseconds: number) => void slept.push(milliseconds),
  };
  return { host, events, slept, options };
}

describe('runPackageTool', () => {
  it('waits while another process holds a lock, and says so once', async () => {
    const dpkg = { exitCode: 2, stderr: 'dpkg: error: dpkg frontend lock was locked by another process with pid 4711\n' };
    const { host, events, slept, options } = fixture([LOCKED, dpkg, LOCKED, { stdout: 'ok' }]);
    expect(await runPackageTool(host, UPDATE, options)).toMatchObject({ stdout: 'ok' });
    expect(slept).toHaveLength(3);
    expect(events).toEqual([{ type: 'note', message: 'Waiting on fake until another process is done with its packages' }]);
  });

  it('gives up at last, with what apt says', async () => {
    const { host, slept, options } = fixture(Array.from({ length: 1000 }, () => LOCKED));
    await expect(runPackageTool(host, UPDATE, options)).rejects.toThrow('process 4711');
    expect(slept.reduce((sum, milliseconds) => sum + milliseconds, 0)).toBeLessThan(1_000_000);
  });

  it('does not try again what fails for another reason', async () => {
    const { host, options } = fixture([{ exitCode: 100, stderr: 'E: Unable to locate package docker.io\n' }]);
    await expect(runPackageTool(host, UPDATE, options)).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
    expect(host.commands).toHaveLength(1);
  });

  it('stops waiting when it is interrupted', async () => {
    const { host, options } = fixture([LOCKED, LOCKED]);
    const stop = new AbortController();
    const interrupted = { ...options, signal: stop.signal, sleep: async () => stop.abort(new Error('received SIGINT')) };
    await expect(runPackageTool(host, UPDATE, interrupted)).rejects.toThrow('received SIGINT');
  });
});

describe('recoverPackages', () => {
  it('configures what is unpacked, then has apt mend the rest', async () => {
    const { host, options } = fixture([], CONFIGURE);
    await recoverPackages(host, options);
    expect(host.commands.map(({ argv }) => argv)).toEqual([CONFIGURE, FIX.argv]);
  });

  it('goes on to apt when what is unpacked waits for what is not', async () => {
    const unmet = { exitCode: 1, stderr: 'dpkg: dependency problems prevent configuration of docker.io\n' };
    const { host, options } = fixture([unmet], CONFIGURE);
    await recoverPackages(host, options);
    expect(host.commands.at(-1)?.argv).toEqual(FIX.argv);
  });

  it('waits for the lock first', async () => {
    const { host, slept, options } = fixture([LOCKED], CONFIGURE);
    await recoverPackages(host, options);
    expect(slept).toHaveLength(1);
    expect(host.commands.map(({ argv }) => argv)).toEqual([CONFIGURE, CONFIGURE, FIX.argv]);
  });

  it('asks apt for nothing while another process keeps the lock, or when the host is lost', async () => {
    const { host, options } = fixture(
      Array.from({ length: 1000 }, () => LOCKED),
      CONFIGURE,
    );
    await expect(recoverPackages(host, options)).rejects.toMatchObject({ stderr: expect.stringContaining('Could not get lock') });
    expect(host.commands.map(({ argv }) => argv)).not.toContainEqual(FIX.argv);
    const lost = new Error('the connection is lost');
    const gone = { ...host, run: () => Promise.reject(lost) };
    await expect(recoverPackages(gone, options)).rejects.toBe(lost);
  });
});
