import { createHash, randomBytes } from 'node:crypto';
import { PassThrough, Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '../../src/core/index.ts';
import type { Command, Host } from '../../src/host/index.ts';
import type { FakeReply } from '../support/fake-host.ts';

/** A host under test, with a second way to look at its files that does not go through the host. */
export interface HostUnderTest {
  readonly host: Host;
  /** A directory on the host that the suite may fill. */
  readonly directory: string;
  read(path: string): Promise<{ readonly content: Buffer; readonly mode: number } | undefined>;
  /** Names in a directory, temporary files included. */
  names(directory: string): Promise<readonly string[]>;
  stop(): Promise<void>;
}

const AWKWARD = `it's "quoted" $HOME \`id\` $(id) \\ * ? ; & | < > # ! ~ {a,b}\ttab\nline ümlaut 漢`;
const BOTH: Command = { argv: ['/bin/sh', '-c', 'echo out; echo err >&2; exit 3'] };
const KILLED: Command = { argv: ['/bin/sh', '-c', 'kill -TERM $$'] };
const ENVIRONMENT: Command = { argv: ['/bin/sh', '-c', 'printf %s "$GREETING"'], env: { GREETING: AWKWARD } };
const SLEEP: Command = { argv: ['sleep', '30'] };

/** Replies that a fake host needs to pass the suite. */
export const CONTRACT_REPLIES: readonly FakeReply[] = [
  { argv: ['printf', '%s', AWKWARD], answer: { stdout: AWKWARD } },
  { argv: BOTH.argv, answer: { exitCode: 3, stdout: 'out\n', stderr: 'err\n' } },
  { argv: ['cat'], answer: ({ input = '' }) => ({ stdout: Buffer.from(input).toString() }) },
  { argv: ENVIRONMENT.argv, answer: ({ env }) => ({ stdout: env?.['GREETING'] ?? '' }) },
  { argv: ['pwd'], answer: { stdout: '/\n' } },
  { argv: ['true'] },
  { argv: ['caisson-no-such-program'], answer: { exitCode: 127, stderr: 'not found\n' } },
  { argv: KILLED.argv, answer: { exitCode: 143 } },
  { argv: ['printf', 'a\nb\nc'], answer: { stdout: 'a\nb\nc' } },
  { argv: ['head', '-c', '10'], answer: ({ input = '' }) => ({ stdout: Buffer.from(input).subarray(0, 10).toString() }) },
  { argv: SLEEP.argv, answer: 'hangs' },
];

/** Tests the contract of Host. */
export function describeHost(name: string, make: () => Promise<HostUnderTest>): void {
  describe(`${name} as a Host`, () => {
    let under: HostUnderTest;
    let host: Host;

    beforeAll(async () => {
      under = await make();
      host = under.host;
    });
    afterAll(async () => {
      await under.host.close();
      await under.stop();
    });

    it('passes arguments exactly as they are', async () => {
      expect((await host.run({ argv: ['printf', '%s', AWKWARD] })).stdout).toBe(AWKWARD);
    });

    it('returns output, error output and exit status', async () => {
      expect(await host.run(BOTH)).toEqual({ exitCode: 3, stdout: 'out\n', stderr: 'err\n' });
    });

    it('gives standard input to the command, and none means empty', async () => {
      expect((await host.run({ argv: ['cat'], input: AWKWARD })).stdout).toBe(AWKWARD);
      expect((await host.run({ argv: ['cat'] })).stdout).toBe('');
    });

    it('does not mind a command that leaves its input unread', async () => {
      expect((await host.run({ argv: ['head', '-c', '10'], input: 'x'.repeat(4_000_000) })).stdout).toBe('xxxxxxxxxx');
      expect((await host.run({ argv: ['true'], input: 'x'.repeat(4_000_000) })).exitCode).toBe(0);
    });

    it('sets the environment', async () => {
      expect((await host.run(ENVIRONMENT)).stdout).toBe(AWKWARD);
    });

    it('runs commands in the root directory', async () => {
      expect((await host.run({ argv: ['pwd'] })).stdout).toBe('/\n');
    });

    it('answers 127 for a program that is not there', async () => {
      const result = await host.run({ argv: ['caisson-no-such-program'] });
      expect(result.exitCode).toBe(127);
      expect(result.stderr).not.toBe('');
    });

    it('answers 128 and the number of the signal for a command that was killed', async () => {
      expect((await host.run(KILLED)).exitCode).toBe(143);
    });

    it('tells every line, the last one too when it has no end', async () => {
      const lines: string[] = [];
      await host.run({ argv: ['printf', 'a\nb\nc'] }, { onLine: (line) => lines.push(line) });
      expect(lines).toEqual(['a', 'b', 'c']);
    });

    it('stops a command that prints nothing for too long', async () => {
      await expect(host.run({ ...SLEEP, idleTimeoutMs: 200 })).rejects.toMatchObject({ code: 'COMMAND_STALLED', exitStatus: 6 });
    });

    it('stops a command when it is told to', async () => {
      const stop = new AbortController();
      const running = host.run(SLEEP, { signal: stop.signal });
      setTimeout(() => stop.abort(), 100);
      await expect(running).rejects.toMatchObject({ code: 'INTERRUPTED' });
      await expect(host.run({ argv: ['true'] }, { signal: stop.signal })).rejects.toMatchObject({ code: 'INTERRUPTED' });
      expect((await host.run({ argv: ['true'] })).exitCode).toBe(0);
    });

    it('runs many commands at a time', async () => {
      const results = await Promise.all(Array.from({ length: 20 }, async (_, index) => host.run({ argv: ['cat'], input: `${index}` })));
      expect(results.map((result) => result.stdout)).toEqual(results.map((_, index) => `${index}`));
    });

    it('uploads text and bytes, with mode, into directories that do not exist yet', async () => {
      const path = `${under.directory}/new dir/it's/a.txt`;
      await host.upload('hello\n', path, { mode: 0o640 });
      expect(await under.read(path)).toEqual({ content: Buffer.from('hello\n'), mode: 0o640 });
      const bytes = randomBytes(300_000);
      await host.upload(bytes, path, { mode: 0o600, digest: digestOf(bytes) });
      const written = await under.read(path);
      expect([written?.mode, written?.content.equals(bytes)]).toEqual([0o600, true]);
    });

    it('uploads an empty file', async () => {
      const path = `${under.directory}/empty`;
      await host.upload('', path, { mode: 0o644 });
      expect((await under.read(path))?.content.length).toBe(0);
    });

    it('uploads streams and says how far it is', async () => {
      const path = `${under.directory}/big`;
      const chunks = Array.from({ length: 40 }, () => randomBytes(100_000));
      const seen: number[] = [];
      await host.upload(Readable.from(chunks), path, { mode: 0o644, onProgress: (bytes) => seen.push(bytes) });
      const digest = createHash('sha256').update(Buffer.concat(chunks)).digest('hex');
      const content = (await under.read(path))?.content ?? Buffer.alloc(0);
      expect(createHash('sha256').update(content).digest('hex')).toBe(digest);
      expect(seen.at(-1)).toBe(4_000_000);
    });

    it('keeps the old file, and nothing else, when the bytes are not the promised ones', async () => {
      const path = `${under.directory}/kept/file`;
      await host.upload('old', path, { mode: 0o644 });
      await expect(host.upload('new', path, { mode: 0o644, digest: digestOf('other') })).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
      expect((await under.read(path))?.content.toString()).toBe('old');
      expect(await under.names(`${under.directory}/kept`)).toEqual(['file']);
    });

    it('keeps the old file, and nothing else, when the source fails', async () => {
      const path = `${under.directory}/broken/file`;
      await host.upload('old', path, { mode: 0o644 });
      const source = Readable.from(
        (async function* () {
          yield Buffer.alloc(100_000);
          throw new Error('the disk is on fire');
        })(),
      );
      await expect(host.upload(source, path, { mode: 0o644 })).rejects.toThrow('the disk is on fire');
      expect((await under.read(path))?.content.toString()).toBe('old');
      expect(await under.names(`${under.directory}/broken`)).toEqual(['file']);
    });

    it('reports a source that fails before it is read', async () => {
      const source = new PassThrough();
      source.destroy(new Error('the disk is on fire'));
      await expect(host.upload(source, `${under.directory}/early`, { mode: 0o644 })).rejects.toThrow('the disk is on fire');
    });
  });
}
