// The lock of the lab: one quickstart, `npm test` or run of the lab tests at a time on a machine, whichever checkout it runs in. They
// share the engine, the names of labs and the cache, and the tests measure time. The lock is an abstract Unix socket: the kernel frees it
// when its holder ends, after kill -9, too, and whoever connects is told who holds it. Needs nothing but Node.
import { spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');

/** Set for the children of a holder: they work under its lock. */
const HELD = 'CAISSON_LAB_HELD';

/** Exit status of a run that is turned away, as of an install that finds another one. */
export const IN_USE_STATUS = 7;

/** Name of the lock; tests give another. */
function lockName() {
  return process.env.CAISSON_LAB_LOCK ?? 'caisson-lab';
}

/**
 * Takes the lock for what `what` names, until release() or the end of this process. Throws LabInUseError when another process has it. In a
 * child of a holder this does nothing.
 */
export async function takeLabLock(what) {
  if (process.env[HELD] !== undefined) return { release: async () => {} };
  const about = { what, directory: root, pid: process.pid, since: new Date().toISOString() };
  for (;;) {
    const server = await listen(about);
    if (server !== undefined) {
      process.env[HELD] = String(process.pid);
      return {
        release: async () => {
          delete process.env[HELD];
          await new Promise((done) => server.close(done));
        },
      };
    }
    const holder = await labHolder();
    if (holder !== undefined) throw new LabInUseError(what, holder);
  }
}

/** Says who holds the lock; undefined where it is free. */
export async function labHolder() {
  return new Promise((done, fail) => {
    const socket = connect(`\0${lockName()}`);
    let text = '';
    // A holder that is stopped does not answer.
    socket.setTimeout(5_000, () => socket.destroy());
    socket.on('data', (chunk) => (text += chunk));
    socket.on('error', (error) => (error.code === 'ECONNREFUSED' ? done(undefined) : fail(error)));
    socket.on('close', () => done(parse(text)));
  });
}

export class LabInUseError extends Error {
  constructor(wanted, { what, directory, pid, since }) {
    const which =
      pid === undefined ? 'a process that does not say who it is' : `"${what}" in ${directory} (process ${pid}, since ${since})`;
    const end = pid === undefined ? '' : `, or end it: Ctrl-C in its terminal, or kill ${pid}`;
    super(`Cannot start "${wanted}": the lab of this machine is in use by ${which}
  Wait for it to end${end}; then run this again. Nothing was changed`);
  }
}

/** Prints why a run was turned away, without a stack, and sets the exit status; throws any other error again. */
export function reportEnd(error) {
  if (error instanceof LabInUseError) console.error(error.message);
  else if (!(error instanceof InterruptedError)) throw error;
  process.exitCode = error instanceof LabInUseError ? IN_USE_STATUS : 130;
}

class InterruptedError extends Error {}

/**
 * Runs a program in the top folder. Resolves to its exit status, 128 where a signal ended it. After Ctrl-C and SIGTERM it waits for the end
 * of the program, which gets them, too, and throws InterruptedError.
 */
export async function runStep(program, words) {
  let child;
  let isInterrupted = false;
  // A terminal sends SIGINT to the program itself.
  const onInt = () => (isInterrupted = true);
  const onTerm = () => {
    isInterrupted = true;
    child.kill('SIGTERM');
  };
  // Before the program starts, which may be heard of at once.
  process.on('SIGINT', onInt).on('SIGTERM', onTerm);
  try {
    child = spawn(program, words, { cwd: root, stdio: 'inherit' });
    const status = await new Promise((done, fail) => {
      child.on('error', fail);
      child.on('close', (code) => done(code ?? 128));
    });
    if (isInterrupted) throw new InterruptedError();
    return status;
  } finally {
    process.off('SIGINT', onInt).off('SIGTERM', onTerm);
  }
}

function listen(about) {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.end(JSON.stringify(about));
  });
  return new Promise((done, fail) => {
    server.once('error', (error) => (error.code === 'EADDRINUSE' ? done(undefined) : fail(error)));
    server.listen(`\0${lockName()}`, () => {
      server.unref();
      done(server);
    });
  });
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
