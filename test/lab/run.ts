import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export interface RunOptions {
  /** What the command reads; nothing when left out. */
  readonly input?: string | Uint8Array | Readable;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The command is killed after so many milliseconds (default ten minutes): a lab run always ends. */
  readonly timeout?: number;
  /** `any` returns a failed command like a good one; by default a status other than 0 throws. */
  readonly expect?: 'success' | 'any';
  readonly signal?: AbortSignal;
}

export interface RunResult {
  /** The exit status; -1 when a signal ended the command. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

const OUTPUT_LIMIT = 64 * 1024 * 1024;

function collector(stream: Readable): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= OUTPUT_LIMIT) chunks.push(chunk);
  });
  return () => Buffer.concat(chunks).toString('utf8');
}

/** Runs one program without a shell and waits for its end. Throws an Error that quotes the command and its standard error. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const [program = '', ...rest] = argv;
  const { input, timeout = 600_000 } = options;
  const child = spawn(program, rest, {
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
    timeout,
    killSignal: 'SIGKILL',
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  const stdout = child.stdout === null ? () => '' : collector(child.stdout);
  const stderr = child.stderr === null ? () => '' : collector(child.stderr);
  const ended = new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? -1));
  });
  const fed = feed(child.stdin, input);
  const status = await ended;
  // A command may close its input before it has read everything; its status says whether that was a fault.
  await fed.catch(() => undefined);
  const result = { status, stdout: stdout(), stderr: stderr() };
  if (status !== 0 && options.expect !== 'any') {
    const tail = `${result.stderr.trim()}\n${result.stdout.trim()}`.trim().slice(-4000);
    throw new Error(`Command "${argv.join(' ').slice(0, 600)}" ended with status ${status}: ${tail}`);
  }
  return result;
}

async function feed(stdin: NodeJS.WritableStream | null, input: RunOptions['input']): Promise<void> {
  if (stdin === null || input === undefined) return;
  if (typeof input === 'string' || input instanceof Uint8Array) {
    await pipeline([input], stdin);
  } else {
    await pipeline(input, stdin);
  }
}

/** The path of a program, looked up as a shell does and in the folders that only root's path has. */
export async function which(program: string): Promise<string | undefined> {
  const path = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`;
  const found = await run(['/bin/sh', '-c', 'command -v -- "$1"', 'which', program], { env: { PATH: path }, expect: 'any' });
  return found.status === 0 ? found.stdout.trim() : undefined;
}
