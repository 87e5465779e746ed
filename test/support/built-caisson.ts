import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';

const MAIN = join(import.meta.dirname, '../../dist/main.js');

export interface BuiltEnded {
  /** Null when a signal ended the process. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface BuiltOptions {
  /** Environment of the process, in addition to PATH. */
  readonly env?: Readonly<Record<string, string>>;
  readonly whenStarted?: (child: ChildProcess) => void;
  /** Words in front of the command: ['unshare', '-n'] runs it without a network. */
  readonly wrapper?: readonly string[];
}

/** Runs the built command in a process of its own; needs `npm run build`. */
export function builtCaisson(words: readonly string[], { env = {}, whenStarted, wrapper = [] }: BuiltOptions = {}): Promise<BuiltEnded> {
  return new Promise((resolve, reject) => {
    const [program = '', ...rest] = [...wrapper, process.execPath, MAIN, ...words];
    const child = spawn(program, rest, { env: { PATH: process.env['PATH'], ...env }, timeout: 120_000 });
    const text = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => (text.stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (text.stderr += chunk.toString()));
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, ...text }));
    whenStarted?.(child);
  });
}
