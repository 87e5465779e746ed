import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { runProgram } from '../../src/cli/index.ts';

export interface Ended {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command line in this process, with streams that are not a terminal. */
export async function runCaisson(argv: readonly string[], signal = new AbortController().signal): Promise<Ended> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const printed = Promise.all([text(stdout), text(stderr)]);
  const status = await runProgram({
    argv,
    env: {},
    stdin: new PassThrough(),
    stdout,
    stderr,
    signal,
    self: { path: '/opt/caisson/main.js', argv: ['node', '/opt/caisson/main.js'], standalone: false },
    version: '1.2.3',
  });
  stdout.end();
  stderr.end();
  const [out, err] = await printed;
  return { status, out, err };
}
