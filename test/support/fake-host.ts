import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { DigestMismatchError, digestOf } from '../../src/core/index.ts';
import { guardCommand, interruption, wasAborted } from '../../src/host/command-guard.ts';
import { quoteCommand, type Command, type CommandResult, type Host } from '../../src/host/index.ts';
import { nearestName } from '../../src/io/index.ts';

/** Result of a command; `hangs` never answers. Fields that are left out mean no output and exit status 0. */
export type FakeAnswer = Partial<CommandResult> | 'hangs';

/**
 * A command that the host knows, with its answer or a function that makes the answer. Without `env`, the reply is for
 * every environment.
 */
export interface FakeReply {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly answer?: FakeAnswer | ((command: Command) => FakeAnswer);
}

export interface FakeFile {
  readonly content: Buffer;
  readonly mode: number;
  readonly owner: string;
}

export interface FakeHost extends Host {
  /** Every command that was run, in order. */
  readonly commands: readonly Command[];
  /** Files that were uploaded or given in the options. */
  readonly files: ReadonlyMap<string, FakeFile>;
}

export interface FakeHostOptions {
  readonly name?: string;
  readonly address?: string;
  readonly local?: boolean;
  readonly replies?: readonly FakeReply[];
  readonly files?: Readonly<Record<string, string>>;
}

/**
 * A host that knows only the commands in its options. Throws for every other command and names the most similar known
 * one. `cat FILE` reads the files.
 */
export function fakeHost(options: FakeHostOptions = {}): FakeHost {
  const { name = 'fake', address = '192.0.2.1', local = false, replies = [] } = options;
  const commands: Command[] = [];
  const files = new Map(
    Object.entries(options.files ?? {}).map(([path, text]): [string, FakeFile] => [
      path,
      { content: Buffer.from(text), mode: 0o644, owner: 'root:root' },
    ]),
  );
  let closed = false;

  const answerTo = (command: Command): FakeAnswer => {
    const reply = replies.find((candidate) => matches(candidate, command));
    if (reply !== undefined) return typeof reply.answer === 'function' ? reply.answer(command) : (reply.answer ?? {});
    const [program, path] = command.argv;
    const file = program === 'cat' && command.argv.length === 2 && path !== undefined ? files.get(path) : undefined;
    if (file !== undefined) return { stdout: file.content.toString() };
    throw unexpected(name, command, replies);
  };

  return {
    name,
    address,
    local,
    commands,
    files,
    run: async (command, { signal, onLine } = {}) => {
      if (closed) throw new Error(`the fake host "${name}" is closed`);
      if (wasAborted(signal)) throw interruption(name, quoteCommand(command.argv), signal);
      commands.push(command);
      const answer = answerTo(command);
      if (answer === 'hangs') {
        return new Promise((_resolve, reject) => {
          const guard = guardCommand(name, command, signal, (error) => {
            guard.release();
            reject(error);
          });
        });
      }
      const result = { exitCode: 0, stdout: '', stderr: '', ...answer };
      for (const text of [result.stdout, result.stderr]) {
        for (const line of text.split('\n')) if (line !== '') onLine?.(line);
      }
      return result;
    },
    upload: async (source, path, { mode, owner = 'root:root', digest, signal, onProgress }) => {
      if (wasAborted(signal)) throw interruption(name, `the upload of "${path}"`, signal);
      const content = source instanceof Readable ? await buffer(source) : Buffer.from(source);
      const actual = digestOf(content);
      if (digest !== undefined && actual !== digest)
        throw new DigestMismatchError(`"${path}"`, { digest }, { digest: actual, size: content.length });
      onProgress?.(content.length);
      files.set(path, { content, mode, owner });
    },
    close: async () => {
      closed = true;
    },
  };
}

function matches(reply: FakeReply, command: Command): boolean {
  const sameArgv = reply.argv.length === command.argv.length && reply.argv.every((word, index) => word === command.argv[index]);
  return sameArgv && (reply.env === undefined || JSON.stringify(reply.env) === JSON.stringify(command.env ?? {}));
}

function unexpected(host: string, command: Command, replies: readonly FakeReply[]): Error {
  const line = quoteCommand(command.argv);
  const expected = replies.map((reply) => quoteCommand(reply.argv));
  const sameProgram = replies.filter((reply) => reply.argv[0] === command.argv[0]).map((reply) => quoteCommand(reply.argv));
  const nearest = nearestName(line, expected) ?? sameProgram[0] ?? expected[0];
  return new Error(`the fake host "${host}" does not expect\n  ${line}\nnearest expected\n  ${nearest ?? '(nothing)'}`);
}
