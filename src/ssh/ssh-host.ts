import { createHash, randomBytes } from 'node:crypto';
import { posix } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pLimit, { type LimitFunction } from 'p-limit';
import type { Client, ClientChannel } from 'ssh2';
import { CaissonError, DigestMismatchError, digestFromHex, messageOf, type Digest } from '../core/index.ts';
import { sleep } from '../io/index.ts';
import {
  type Command,
  CommandFailedError,
  type CommandResult,
  guardCommand,
  type Host,
  interruption,
  type RunOptions,
  shellScript,
  shortCommand,
  signalNumber,
  type UploadOptions,
  wasAborted,
  withEnvironment,
} from '../host/index.ts';
import { AS_LOGIN, commandLine, inEnglish, sudoRemedy, sudoWays, wantsTerminal, type Elevation } from './elevation.ts';
import { framed, FramedOutput, makeFrame } from './framed-output.ts';
import type { JumpHosts } from './jump.ts';
import { connectSsh, type SshTarget } from './ssh-connection.ts';
import { PLACE_SCRIPT, RECEIVE_SCRIPT } from './upload-scripts.ts';

/** Most sessions on one connection. sshd allows ten (MaxSessions); two stay free for users who share the connection. */
const MAX_CHANNELS = 8;
const CLOSE_TIMEOUT_MS = 5000;
/** Age in minutes at which a temporary file is a leftover, because no upload takes longer. */
const LEFTOVER_MINUTES = '60';
const OPEN_ATTEMPTS = 50;
const OPEN_PAUSE_MS = 100;

export interface SshHostOptions {
  readonly target: SshTarget;
  /** Password for sudo, which gets it on standard input when it asks. */
  readonly sudoPassword?: string;
  readonly signal?: AbortSignal;
  /** Shared by hosts that are behind the same jump hosts. */
  readonly jumpHosts?: JumpHosts | undefined;
}

/**
 * Logs in to a host over SSH and finds a way to run commands as root. Throws what connectSsh throws,
 * HOST_SHELL_UNUSABLE and HOST_NOT_ROOT. A lost connection is not opened again: commands throw HOST_CONNECTION, and the
 * caller repeats the whole work. A command that is stopped gets SIGTERM if sshd passes it on; otherwise it may run to
 * its end on the host.
 */
export async function openSshHost({ target, sudoPassword, signal, jumpHosts }: SshHostOptions): Promise<Host> {
  const client = await connectSsh(target, { signal, jumpHosts });
  const host = new SshHost(target, client);
  try {
    await host.becomeRoot(sudoPassword, signal);
    return host;
  } catch (error) {
    await host.close();
    throw error;
  }
}

/** A result, and whether the command was started. When it was not, sudo or the login shell ended instead. */
interface Outcome {
  readonly begun: boolean;
  readonly result: CommandResult;
}

class SshHost implements Host {
  readonly name: string;
  readonly address: string;
  readonly local = false;
  readonly #client: Client;
  readonly #limit: LimitFunction = pLimit(MAX_CHANNELS);
  readonly #closed: Promise<void>;
  readonly #user: string;
  readonly #frame = makeFrame();
  readonly #sessions = new Set<ClientChannel>();
  #elevation = AS_LOGIN;
  #lost: string | undefined;

  constructor(target: SshTarget, client: Client) {
    this.name = target.name;
    this.address = target.address;
    this.#user = target.user;
    this.#client = client;
    // Each session that is being opened adds a listener for `close`, in addition to the permanent ones.
    client.setMaxListeners(MAX_CHANNELS + 10);
    client.on('error', (error) => {
      this.#lost ??= messageOf(error);
    });
    this.#closed = new Promise((resolve) => {
      client.once('close', () => {
        this.#lost ??= 'the host closed it';
        resolve();
      });
    });
  }

  /** Finds a way to become root. Throws HOST_SHELL_UNUSABLE for a login that runs no commands, and HOST_NOT_ROOT. */
  async becomeRoot(password: string | undefined, signal: AbortSignal | undefined): Promise<void> {
    const options = signal === undefined ? {} : { signal };
    const who = await this.#whoAmI(AS_LOGIN, options);
    if (!who.begun) throw this.#shellUnusable(who.result);
    if (who.isRoot) return;
    let refusal = '';
    let terminal = false;
    for (const way of sudoWays(password)) {
      let answer = await this.#whoAmI({ ...way, terminal }, options);
      if (!answer.isRoot && !terminal && wantsTerminal(answer.result.stderr)) {
        terminal = true;
        answer = await this.#whoAmI({ ...way, terminal }, options);
      }
      if (answer.isRoot) {
        this.#elevation = { ...way, terminal };
        return;
      }
      refusal = lastLine(answer.result.stderr);
    }
    throw new CaissonError('HOST_NOT_ROOT', `Cannot become root on "${this.name}": sudo says "${refusal}"`, {
      hint: sudoRemedy(refusal, this.#user, password),
    });
  }

  async #whoAmI(elevation: Elevation, options: RunOptions): Promise<Outcome & { readonly isRoot: boolean }> {
    const way = elevation.argv.length === 0 ? elevation : inEnglish(elevation);
    const outcome = await this.#limit(async () => {
      const running = await this.#start({ argv: ['id', '-u'] }, options, way);
      running.channel.end();
      return running.outcome;
    });
    const { begun, result } = outcome;
    return { ...outcome, isRoot: begun && result.exitCode === 0 && result.stdout.trim() === '0' };
  }

  async run(command: Command, options: RunOptions = {}): Promise<CommandResult> {
    return this.#limit(async () => {
      const running = await this.#start(command, options);
      running.channel.end(command.input ?? '');
      return this.#resultOf(running.outcome);
    });
  }

  async upload(source: Readable | Uint8Array | string, path: string, options: UploadOptions): Promise<void> {
    const { signal } = options;
    const runOptions = signal === undefined ? {} : { signal };
    const directory = posix.dirname(path);
    const temporary = posix.join(directory, `.${posix.basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
    try {
      const sent = await this.#limit(async () => this.#send(source, path, temporary, options));
      if (options.digest !== undefined && sent.digest !== options.digest) {
        throw new DigestMismatchError(`"${path}" on "${this.name}"`, { digest: options.digest }, sent);
      }
      const argv = shellScript(PLACE_SCRIPT, [temporary, path, options.mode.toString(8), options.owner ?? 'root:root']);
      const placed = await this.run({ argv }, runOptions);
      if (placed.exitCode !== 0) throw new CommandFailedError(this.name, ['mv', temporary, path], placed);
    } catch (error) {
      await this.#discard(temporary);
      throw error;
    } finally {
      if (source instanceof Readable) source.destroy();
    }
  }

  async close(): Promise<void> {
    this.#client.end();
    const timer = setTimeout(() => this.#client.destroy(), CLOSE_TIMEOUT_MS);
    await this.#closed;
    clearTimeout(timer);
  }

  /** Sends the bytes and compares digests, because a broken connection also looks like an end of input on the host. */
  async #send(
    source: Readable | Uint8Array | string,
    path: string,
    temporary: string,
    options: UploadOptions,
  ): Promise<{ digest: Digest; size: number }> {
    const { signal, onProgress } = options;
    const hash = createHash('sha256');
    let size = 0;
    let complete = false;
    const observe = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        hash.update(chunk);
        size += chunk.length;
        onProgress?.(size);
        done(null, chunk);
      },
      flush(done) {
        complete = true;
        done();
      },
    });
    const input = toStream(source);
    const ended = new AbortController();
    const stopSending = (): void => ended.abort();
    let failure: unknown;
    // Listens from the start, because the source may fail while the session is opened. Errors after the end come from
    // the pipeline.
    input.on('error', (error) => {
      if (!ended.signal.aborted) failure ??= error;
    });
    const argv = shellScript(RECEIVE_SCRIPT, [temporary, path, options.onlyWriter === true ? '' : LEFTOVER_MINUTES]);
    const { channel, outcome } = await this.#start({ argv }, signal === undefined ? {} : { signal });
    const result = this.#resultOf(outcome);
    channel.once('close', stopSending);
    // The session may have ended already.
    result.then(stopSending, stopSending);
    const [piped, finished] = await Promise.allSettled([pipeline(input, observe, channel, { signal: ended.signal }), result]);
    if (wasAborted(signal)) throw interruption(this.name, `the upload of "${path}"`, signal);
    if (failure !== undefined) throw toError(failure);
    if (this.#lost !== undefined) throw this.#connectionLost(`the upload of "${path}"`);
    // A refusal by the host explains the end of reading better than the broken pipe on our side.
    if (finished.status === 'rejected') throw toError(finished.reason);
    if (finished.value.exitCode !== 0) throw new CommandFailedError(this.name, ['cat', '>', path], finished.value);
    // An end of input does not prove that all bytes were sent: half a file must not pass for a whole one.
    if (!complete) throw piped.status === 'rejected' ? toError(piped.reason) : new Error(`the upload of ${path} ended early`);
    const digest = digestFromHex(hash.digest('hex'));
    const arrived = digestFromHex(finished.value.stdout.trim().split(/\s+/)[0] ?? '');
    if (arrived !== digest) throw new DigestMismatchError(`"${path}" on "${this.name}"`, { digest }, { digest: arrived, size });
    return { digest, size };
  }

  async #discard(temporary: string): Promise<void> {
    if (this.#lost !== undefined) return;
    try {
      await this.run({ argv: ['rm', '-f', '--', temporary] });
    } catch (error) {
      // The next upload of the same file removes the leftover. The first error is the one to report.
      if (!(error instanceof CaissonError)) throw error;
    }
  }

  async #start(
    command: Command,
    options: RunOptions,
    elevation = this.#elevation,
  ): Promise<{ readonly channel: ClientChannel; readonly outcome: Promise<Outcome> }> {
    const { signal } = options;
    const what = `"${shortCommand(command.argv)}"`;
    if (wasAborted(signal)) throw interruption(this.name, what, signal);
    const line = commandLine(elevation, framed(this.#frame, withEnvironment(command)));
    const running = await this.#open(line, what, (channel) => ({ channel, outcome: this.#watch(channel, command, options) }));
    // The caller awaits the outcome later. Until then a rejection must not count as unhandled.
    running.outcome.catch(() => {});
    if (elevation.input !== '') running.channel.write(elevation.input);
    return running;
  }

  async #resultOf(outcome: Promise<Outcome>): Promise<CommandResult> {
    const { begun, result } = await outcome;
    // An exit status of 0 would suggest that the command ran.
    if (!begun && result.exitCode === 0) throw this.#shellUnusable(result);
    return result;
  }

  #shellUnusable({ exitCode, stdout, stderr }: CommandResult): CaissonError {
    const said = lastLine(stdout) === '' ? lastLine(stderr) : lastLine(stdout);
    const answer = said === '' ? `exit status ${exitCode}` : `exit status ${exitCode}, "${said}"`;
    return new CaissonError(
      'HOST_SHELL_UNUSABLE',
      `Cannot run commands on "${this.name}" as "${this.#user}": the login ends without running them, ${answer}`,
      {
        hint: `Look for a forced command in sshd_config or authorized_keys, and at the shell of "${this.#user}" in /etc/passwd, on the host`,
      },
    );
  }

  async #watch(channel: ClientChannel, command: Command, { signal, onLine }: RunOptions): Promise<Outcome> {
    const stdout = new FramedOutput(this.#frame, onLine);
    const stderr = new FramedOutput(this.#frame, onLine);
    return new Promise<Outcome>((resolve, reject) => {
      let exitCode: number | undefined;
      let stopped: Error | undefined;
      const settle = (): void => {
        guard.release();
        if (stopped !== undefined) reject(stopped);
        else if (exitCode === undefined) reject(this.#connectionLost(`"${shortCommand(command.argv)}"`));
        else resolve({ begun: stdout.begun, result: { exitCode, stdout: stdout.end(), stderr: stderr.end() } });
      };
      const stop = (error: Error): void => {
        stopped ??= error;
        // sudo passes TERM on to the command. KILL would end sudo alone.
        channel.signal('TERM');
        channel.destroy();
        settle();
      };
      const guard = guardCommand(this.name, command, signal, stop);
      const collect = (collector: FramedOutput) => (bytes: Buffer) => {
        guard.touch();
        try {
          collector.add(bytes);
        } catch (error) {
          stop(toError(error));
        }
      };
      channel.on('data', collect(stdout));
      channel.stderr.on('data', collect(stderr));
      channel.on('exit', (code: number | null, killed?: string) => {
        exitCode = code ?? 128 + signalNumber(killed);
      });
      channel.once('close', settle);
      channel.on('error', () => {});
    });
  }

  /**
   * Opens a session for a command line. When the host refuses while other sessions are open, their number becomes the
   * limit, and the next attempt waits until one of them ends. sshd frees a session a moment after the client saw its
   * end and refuses new ones until then, so a refusal without open sessions is tried again, up to OPEN_ATTEMPTS
   * attempts.
   */
  async #open<T>(line: string, what: string, attach: (channel: ClientChannel) => T): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      if (this.#lost !== undefined) throw this.#connectionLost(what);
      try {
        return await this.#exec(line, attach);
      } catch (error) {
        if (this.#lost !== undefined) throw this.#connectionLost(what, error);
        const open = this.#sessions.size;
        if (open > 0) {
          this.#limit.concurrency = Math.min(this.#limit.concurrency, open);
          attempt = 0;
          await this.#sessionEnd();
        } else if (attempt >= OPEN_ATTEMPTS) {
          throw this.#connectionLost(what, error);
        }
        await sleep(OPEN_PAUSE_MS);
      }
    }
  }

  /** Resolves when one of the sessions that are open now ends. */
  async #sessionEnd(): Promise<void> {
    await new Promise<void>((resolve) => {
      for (const channel of this.#sessions) channel.once('close', () => resolve());
    });
  }

  /**
   * Opens a session. `attach` is called before the next packet is read, because a short command may end before a
   * promise resolves.
   */
  async #exec<T>(line: string, attach: (channel: ClientChannel) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const onLost = (): void => {
        reject(new Error('the connection ended'));
      };
      this.#client.once('close', onLost);
      const onChannel = (error: Error | undefined, channel: ClientChannel): void => {
        this.#client.off('close', onLost);
        if (error === undefined) {
          this.#sessions.add(channel);
          channel.once('close', () => this.#sessions.delete(channel));
          resolve(attach(channel));
        } else reject(error);
      };
      this.#client.exec(line, onChannel);
    });
  }

  #connectionLost(what: string, cause?: unknown): CaissonError {
    const refused = 'the host opens no session, perhaps because a command that was stopped still runs (MaxSessions in its sshd_config)';
    const reason = this.#lost ?? (cause === undefined ? 'the connection ended' : refused);
    return new CaissonError('HOST_CONNECTION', `Cannot finish ${what} on "${this.name}": ${reason}`, {
      cause,
      hint: 'Run the same command again when the host can be reached: it goes on where it stopped',
    });
  }
}

function toStream(source: Readable | Uint8Array | string): Readable {
  if (source instanceof Readable) return source;
  return Readable.from([typeof source === 'string' ? Buffer.from(source) : source]);
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.trim() ?? '';
}
