import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { nameProcess, OutputLostError, programName, runProgram } from './cli/index.ts';

declare const CAISSON_VERSION: string;
declare const CAISSON_COMMIT: { readonly id: string; readonly date: string } | undefined;
declare const CAISSON_STANDALONE: boolean;

/** File that the build writes beside the script, or into the executable. */
const NOTICES = 'notices.json';

/** Aborts at SIGINT, SIGTERM and SIGHUP. Only this file uses argv, environment, streams, signals and exit status of the process. */
const interruption = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => interruption.abort(new Error(`received ${name}`)));
}
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error) => interruption.abort(new OutputLostError(error)));
}

// Options of the Node inside the executable, such as those of the agent's unit, are not those of other programs that it starts.
if (CAISSON_STANDALONE) delete process.env['NODE_OPTIONS'];
const script = process.argv[1] ?? process.execPath;
const name = programName(CAISSON_STANDALONE ? process.argv0 : script);
void nameProcess(name);

void runProgram({
  name,
  argv: process.argv.slice(2),
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  signal: interruption.signal,
  self: CAISSON_STANDALONE
    ? { path: process.execPath, argv: [process.execPath], standalone: true }
    : { path: script, argv: [process.execPath, script], standalone: false },
  version: CAISSON_VERSION,
  readNotices: CAISSON_STANDALONE
    ? async () => (await import('node:sea')).getAsset(NOTICES, 'utf8')
    : async () => readFile(join(dirname(script), NOTICES), 'utf8'),
  ...(CAISSON_COMMIT === undefined ? {} : { commit: CAISSON_COMMIT }),
}).then((status) => {
  process.exitCode = status;
});
