import { setMaxListeners } from 'node:events';
import { CaissonError } from '../core/index.ts';
import { shortCommand } from './command-failed-error.ts';
import type { Command } from './command.ts';

/** Returns the error to throw when a signal stopped work on a host: the reason of the signal, or INTERRUPTED. */
export function interruption(host: string, what: string, signal: AbortSignal | undefined): CaissonError {
  const reason: unknown = signal?.reason;
  return reason instanceof CaissonError
    ? reason
    : new CaissonError('INTERRUPTED', `Cannot finish ${what} on "${host}": interrupted`, { cause: reason });
}

/**
 * True when the signal has fired. A function, because TypeScript would assume that the property keeps its value over an
 * await.
 */
export function wasAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

/**
 * Calls `listener` when the signal fires. The returned function ends the listening. Any number of listeners may share
 * one signal.
 */
export function whenAborted(signal: AbortSignal | undefined, listener: () => void): () => void {
  if (signal === undefined) return () => {};
  setMaxListeners(0, signal);
  signal.addEventListener('abort', listener, { once: true });
  return () => signal.removeEventListener('abort', listener);
}

export interface CommandGuard {
  /** Starts the idle timeout again, because the command printed something. */
  touch(): void;
  release(): void;
}

/**
 * Watches a running command. Calls `stop` with an error when the signal fires, and when the command printed nothing for
 * its idle timeout.
 */
export function guardCommand(
  host: string,
  command: Command,
  signal: AbortSignal | undefined,
  stop: (error: CaissonError) => void,
): CommandGuard {
  const { idleTimeoutMs } = command;
  const onAbort = (): void => {
    stop(interruption(host, `"${shortCommand(command.argv)}"`, signal));
  };
  const onIdle = (): void => {
    const reason = `it printed nothing for ${Math.round((idleTimeoutMs ?? 0) / 1000)} s`;
    stop(new CaissonError('COMMAND_STALLED', `Cannot finish "${shortCommand(command.argv)}" on "${host}": ${reason}`));
  };
  const timer = idleTimeoutMs === undefined ? undefined : setTimeout(onIdle, idleTimeoutMs);
  const forget = whenAborted(signal, onAbort);
  if (wasAborted(signal)) queueMicrotask(onAbort);
  return {
    touch: () => timer?.refresh(),
    release: () => {
      clearTimeout(timer);
      forget();
    },
  };
}
