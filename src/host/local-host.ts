import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { DigestMismatchError, digestFromHex, errnoOf, type CaissonError } from '../core/index.ts';
import { removeLeftovers, syncDirectory } from '../io/index.ts';
import { CommandFailedError, shortCommand } from './command-failed-error.ts';
import { guardCommand, interruption, wasAborted } from './command-guard.ts';
import type { Command, CommandResult } from './command.ts';
import type { Host, UploadOptions } from './host.ts';
import { OutputCollector } from './output-collector.ts';
import { withEnvironment } from './quote.ts';
import type { RunOptions } from './run-checked.ts';
import { signalNumber } from './signal-number.ts';
import { chunksOf } from './upload-source.ts';

/** Milliseconds between SIGTERM and SIGKILL. A package manager needs this time to leave its database consistent. */
const KILL_AFTER_MS = 10_000;

export interface LocalHostOptions {
  readonly name: string;
  readonly address?: string;
}

/**
 * Returns the machine that this process runs on. Commands run as the user of this process, which is root in an
 * installation.
 */
export function openLocalHost(options: LocalHostOptions): Host {
  const { name, address = '127.0.0.1' } = options;
  return {
    name,
    address,
    local: true,
    run: (command, runOptions) => runLocally(name, command, runOptions),
    upload: (source, path, uploadOptions) => uploadLocally(name, source, path, uploadOptions),
    close: async () => {},
  };
}

async function runLocally(host: string, command: Command, options: RunOptions = {}): Promise<CommandResult> {
  const { signal, onLine } = options;
  if (wasAborted(signal)) throw interruption(host, `"${shortCommand(command.argv)}"`, signal);
  const [program = '', ...parameters] = withEnvironment(command);
  // A separate process group: stopping the command also stops the processes that it started, and Ctrl-C reaches only
  // this process.
  const child = spawn(program, parameters, { cwd: '/', detached: true, stdio: 'pipe' });
  const { promise, resolve, reject } = deferred<CommandResult>();
  let stopped: Error | undefined;
  let killer: NodeJS.Timeout | undefined;
  const stop = (error: Error): void => {
    stopped ??= error;
    killGroup(child, 'SIGTERM');
    killer ??= setTimeout(() => killGroup(child, 'SIGKILL'), KILL_AFTER_MS);
  };
  const guard = guardCommand(host, command, signal, stop);
  const stdout = new OutputCollector(onLine);
  const stderr = new OutputCollector(onLine);
  const collect = (collector: OutputCollector) => (bytes: Buffer) => {
    guard.touch();
    try {
      collector.add(bytes);
    } catch (error) {
      stop(toError(error));
    }
  };
  child.stdout.on('data', collect(stdout));
  child.stderr.on('data', collect(stderr));
  child.on('error', (error) => {
    const exitCode = START_FAILURES[errnoOf(error) ?? ''];
    if (exitCode === undefined) reject(error);
    else resolve({ exitCode, stdout: '', stderr: `${program}: ${error.message}\n` });
  });
  child.on('close', (code, killed) => {
    if (stopped !== undefined) reject(stopped);
    else resolve({ exitCode: code ?? 128 + signalNumber(killed), stdout: stdout.end(), stderr: stderr.end() });
  });
  // A program may end without reading its input. That is not an error.
  child.stdin.on('error', () => {});
  child.stdin.end(command.input ?? '');
  try {
    return await promise;
  } finally {
    guard.release();
    clearTimeout(killer);
  }
}

/** Exit status of a shell for a program that does not exist, or that must not be run (POSIX.1-2017 XCU 2.8.2). */
const START_FAILURES: Readonly<Record<string, number>> = { ENOENT: 127, ENOTDIR: 127, EACCES: 126 };

function killGroup(child: ChildProcessWithoutNullStreams, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw error;
  }
  if (signal === 'SIGTERM') return;
  // Processes that left the group may keep the pipes open without end.
  child.stdout.destroy();
  child.stderr.destroy();
}

async function uploadLocally(host: string, source: Readable | Uint8Array | string, path: string, options: UploadOptions): Promise<void> {
  const { signal, digest, owner } = options;
  // The source may fail before it is read. The later read then throws the error.
  if (source instanceof Readable) source.on('error', () => {});
  const directory = dirname(path);
  await makeDirectory(directory);
  if (options.onlyWriter === true) await removeLeftovers(directory, basename(path));
  const temporary = join(directory, `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  const file = await open(temporary, 'wx', 0o600);
  try {
    const hash = createHash('sha256');
    let size = 0;
    for await (const chunk of chunksOf(source, signal)) {
      hash.update(chunk);
      await file.writeFile(chunk);
      size += chunk.length;
      options.onProgress?.(size);
    }
    const actual = digestFromHex(hash.digest('hex'));
    if (digest !== undefined && actual !== digest) {
      throw new DigestMismatchError(`"${path}" on "${host}"`, { digest }, { digest: actual, size });
    }
    await file.chmod(options.mode);
    await changeOwner(host, temporary, owner);
    await file.sync();
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    if (wasAborted(signal)) throw interruption(host, `the upload of "${path}"`, signal);
    throw error;
  } finally {
    await file.close();
    if (source instanceof Readable) source.destroy();
  }
  await syncDirectory(directory);
}

/** Missing parents get mode 0755 under any umask; existing directories are not changed. */
async function makeDirectory(directory: string): Promise<void> {
  const first = await mkdir(directory, { recursive: true });
  if (first === undefined) return;
  for (let made = directory; made.length >= first.length; made = dirname(made)) {
    const handle = await open(made, 'r');
    try {
      await handle.chmod(0o755);
    } finally {
      await handle.close();
    }
  }
}

async function changeOwner(host: string, path: string, owner: string | undefined): Promise<void> {
  if (owner === undefined && process.getuid?.() !== 0) return;
  const argv = ['chown', '--', owner ?? 'root:root', path];
  const result = await runLocally(host, { argv });
  if (result.exitCode !== 0) throw new CommandFailedError(host, argv, result);
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function deferred<T>(): {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: CaissonError | Error) => void;
} {
  let settle: { resolve: (value: T) => void; reject: (error: Error) => void } | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  if (settle === undefined) throw new Error('a promise did not call its executor');
  return { promise, ...settle };
}
