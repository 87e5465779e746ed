import { Writable } from 'node:stream';
import { createInterface } from 'node:readline/promises';
import { Command, CommanderError } from 'commander';
import { CaissonError, systemClock } from '../core/index.ts';
import { readLimited } from '../io/index.ts';
import { escapeControl, JsonRenderer, PlainRenderer, reportError, TerminalRenderer, type Renderer } from '../ui/index.ts';
import type { CommandContext, RunCommand } from './command.ts';
import { readCommandLine } from './command-line.ts';
import { registerCommands } from './commands/index.ts';
import { OutputLostError } from './output-lost-error.ts';
import type { ProcessEdge } from './process.ts';
import { refuseRepeats } from './refuse-repeats.ts';

/** Most bytes that are read of the standard input. */
const STDIN_LIMIT = 16 * 1024 * 1024;

interface GlobalFlags {
  readonly json?: boolean;
  readonly debug?: boolean;
  readonly quiet?: boolean;
}

/**
 * Parses and runs one command line. Resolves to the exit status; reports errors of commands and does not throw them.
 */
export async function runProgram(edge: ProcessEdge): Promise<number> {
  const { name = 'caisson' } = edge;
  let status = 0;
  let flags: GlobalFlags = {};
  const program = new Command(name)
    .description('Carries a whole cluster across an air gap: one sealed bundle, one command on each side')
    .version(edge.version, '--version')
    // Flags after the name of a command belong to the command: build-bundle has its own --version.
    .enablePositionalOptions()
    .hook('preAction', (_program, command) => {
      flags = command.optsWithGlobals<GlobalFlags>();
    })
    .showHelpAfterError(`(${name} help COMMAND lists what a command takes)`)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void edge.stdout.write(text),
      writeErr: (text) => void edge.stderr.write(text),
    });

  const run: RunCommand = async (work) => {
    const renderer = rendererFor(flags, edge);
    try {
      await work(contextFor(flags, renderer, edge));
      renderer.finish();
    } catch (error) {
      renderer.finish();
      if (!isOutputLost(edge)) status = describeFailure(edge.signal.aborted ? interrupted(error) : error, flags, edge);
    }
  };

  if (!isVersionAsked(edge.argv))
    await registerCommands(
      program,
      run,
      edge.argv.find((argument) => !argument.startsWith('-') && argument !== 'help'),
    );
  addGlobalFlags(program);
  refuseRepeats(program);
  try {
    const { argv, mayHelp } = readCommandLine(program, edge.argv);
    if (mayHelp) (await import('./reference/index.ts')).addHelpEnds(program);
    await program.parseAsync(['node', name, ...argv]);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    status = error.exitCode === 0 ? 0 : 2;
    // A mistake in the command line ends the parser before it has told the flags.
    if (status !== 0 && edge.argv.includes('--json')) {
      const usage = new CaissonError('USAGE', error.message.replace(/^error: /, ''), {
        hint: `${name} help COMMAND lists what a command takes`,
      });
      edge.stdout.write(`${JSON.stringify(errorData(usage, status))}\n`);
    }
  }
  await printed(edge.stdout);
  return isOutputLost(edge) ? endWithoutOutput(edge) : status;
}

/** True for a command line that asks for the version alone, which needs no command. */
function isVersionAsked([first, ...rest]: readonly string[]): boolean {
  return first === '--version' && rest.length === 0;
}

/**
 * Exit status that a shell reports for a program which SIGPIPE ended, as it ends most programs whose reader has gone.
 */
const CLOSED_PIPE_STATUS = 141;

function isOutputLost({ signal }: ProcessEdge): boolean {
  return signal.reason instanceof OutputLostError;
}

/** Reports on standard error that output was lost, unless the reader has closed the pipe. Returns the exit status. */
function endWithoutOutput({ signal, stderr }: ProcessEdge): number {
  const lost: unknown = signal.reason;
  if (!(lost instanceof OutputLostError) || lost.isClosedPipe) return CLOSED_PIPE_STATUS;
  stderr.write(reportError(lost, { debug: false }));
  return lost.exitStatus;
}

/** Resolves when all output is written or has failed. The signal of `ProcessEdge` reports a failure. */
async function printed(stream: Writable): Promise<void> {
  if (stream.destroyed || stream.writableEnded) return;
  await new Promise<void>((resolve) => {
    stream.write('', () => setImmediate(resolve));
  });
}

/** Adds the flags that every command takes, before or after its name. */
function addGlobalFlags(program: Command): void {
  const walk = (command: Command): void => {
    command
      .option('--json', 'print events and results as JSON lines')
      .option('--quiet', 'print results and errors only')
      .option('--debug', 'print stacks of errors')
      .exitOverride()
      .configureOutput(program.configureOutput());
    for (const option of command.options) if (isEmptyList(option.defaultValue)) option.defaultValueDescription ??= 'none';
    command.commands.forEach(walk);
  };
  walk(program);
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function rendererFor(flags: GlobalFlags, edge: ProcessEdge): Renderer {
  const clock = edge.clock ?? systemClock;
  if (flags.json === true) return new JsonRenderer(edge.stdout, clock);
  if (flags.quiet === true) return { handle: () => {}, pause: () => {}, finish: () => {} };
  // A dumb terminal moves no cursor (terminfo(5)).
  if (edge.stderr.isTTY === true && edge.env['TERM'] !== 'dumb') return new TerminalRenderer(edge.stderr, clock);
  return new PlainRenderer(edge.stderr, clock);
}

function contextFor(flags: GlobalFlags, renderer: Renderer, edge: ProcessEdge): CommandContext {
  return {
    signal: edge.signal,
    emit: (event) => renderer.handle(event),
    clock: edge.clock ?? systemClock,
    env: edge.env,
    self: edge.self,
    version: edge.version,
    commit: edge.commit,
    readNotices: edge.readNotices,
    machines: edge.machines,
    print: (output) => {
      // A result is printed where no display is drawn over it.
      renderer.pause();
      if (flags.json === true) edge.stdout.write(`${JSON.stringify({ type: 'result', ...asObject(output.data) })}\n`);
      else edge.stdout.write(output.text.endsWith('\n') ? output.text : `${output.text}\n`);
    },
    readStdin: () => readLimited(edge.stdin, STDIN_LIMIT, 'the standard input'),
    confirm: async (question, about) => {
      renderer.pause();
      about.forEach(flags.json === true ? notesTo(renderer) : linesTo(edge.stderr));
      return confirm(question, edge);
    },
    askSecret: (question) => {
      renderer.pause();
      return askSecret(question, edge);
    },
  };
}

function asObject(data: unknown): object {
  return typeof data === 'object' && data !== null && !Array.isArray(data) ? data : { value: data };
}

function notesTo(renderer: Renderer): (line: string) => void {
  return (message) => renderer.handle({ type: 'note', message });
}

function linesTo(stream: Writable): (line: string) => void {
  return (line) => void stream.write(`${escapeControl(line)}\n`);
}

async function confirm(question: string, edge: ProcessEdge): Promise<boolean | undefined> {
  if (edge.stdin.isTTY !== true) return undefined;
  const lines = createInterface({ input: edge.stdin, output: edge.stderr });
  // A question that the input ends before (Ctrl-D) would never settle.
  const ended = new Promise<string>((resolve) => {
    lines.once('close', () => {
      edge.stderr.write('\n');
      resolve('');
    });
  });
  try {
    const answer = await Promise.race([lines.question(`${question} [y/N] `, { signal: edge.signal }), ended]);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    lines.removeAllListeners('close');
    lines.close();
  }
}

async function askSecret(question: string, edge: ProcessEdge): Promise<string | undefined> {
  if (edge.stdin.isTTY !== true) return undefined;
  edge.stderr.write(`${question}: `);
  // The interface echoes every typed character to its output, so it gets one that discards them.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: edge.stdin, output: nowhere, terminal: true });
  try {
    return await lines.question('', { signal: edge.signal });
  } finally {
    lines.close();
    edge.stderr.write('\n');
  }
}

function interrupted(cause: unknown): unknown {
  return new CaissonError('INTERRUPTED', 'Stopped on request', { cause, hint: 'Run the same command again: it goes on where it stopped' });
}

function describeFailure(error: unknown, flags: GlobalFlags, edge: ProcessEdge): number {
  const status = error instanceof CaissonError ? error.exitStatus : 1;
  if (flags.json === true) edge.stdout.write(`${JSON.stringify(errorData(error, status))}\n`);
  edge.stderr.write(reportError(error, { debug: flags.debug === true }));
  return status;
}

function errorData(error: unknown, status: number): object {
  if (error instanceof CaissonError) {
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    return { type: 'error', code: error.code, status, message: error.message, ...hint, ...error.data };
  }
  return { type: 'error', code: 'BUG', status, message: error instanceof Error ? error.message : String(error) };
}
