import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { runProgram } from '../../src/cli/index.ts';
import type { Clock } from '../../src/core/index.ts';
import type { Machines } from '../../src/site/index.ts';

export interface Ended {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

export interface RunCaissonOptions {
  /** Name by which the program was started. */
  readonly name?: string;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  readonly machines?: Machines | undefined;
  readonly readNotices?: () => Promise<string>;
  /**
   * What is typed at the terminal when a question is asked; an empty text ends the input. A list has an answer for each question, the
   * last one for all that follow. Without it there is no terminal.
   */
  readonly typed?: string | readonly string[];
  /** What comes through a pipe on the standard input. */
  readonly stdin?: string;
  /** What is typed at the terminal when a secret is asked for. */
  readonly secret?: string;
}

/** Runs a command line in this process. Output goes to streams that are not a terminal. */
export async function runCaisson(argv: readonly string[], options: RunCaissonOptions = {}): Promise<Ended> {
  const { name, signal = new AbortController().signal, clock, machines, readNotices, typed, secret, stdin: piped } = options;
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const stdin = Object.assign(new PassThrough(), { isTTY: typed !== undefined || secret !== undefined });
  if (piped !== undefined) stdin.end(piped);
  const answers = typeof typed === 'string' ? [typed] : [...(typed ?? [])];
  stderr.on('data', (chunk: Buffer) => {
    if (secret !== undefined && chunk.toString().endsWith(': ')) stdin.write(`${secret}\n`);
    if (typed === undefined || !chunk.toString().endsWith('[y/N] ')) return;
    const answer = (answers.length > 1 ? answers.shift() : answers[0]) ?? '';
    // A terminal echoes what is typed.
    stderr.write(answer);
    if (answer === '') stdin.end();
    else stdin.write(answer);
  });
  const printed = Promise.all([text(stdout), text(stderr)]);
  const status = await runProgram({
    argv,
    env: {},
    stdin,
    stdout,
    stderr,
    signal,
    self: { path: '/opt/caisson/main.js', argv: ['node', '/opt/caisson/main.js'], standalone: false },
    version: '1.2.3',
    commit: { id: '0123456789abcdef', date: '2026-01-31' },
    ...(name === undefined ? {} : { name }),
    ...(clock === undefined ? {} : { clock }),
    ...(machines === undefined ? {} : { machines }),
    ...(readNotices === undefined ? {} : { readNotices }),
  });
  stdout.end();
  stderr.end();
  const [out, err] = await printed;
  return { status, out, err };
}
