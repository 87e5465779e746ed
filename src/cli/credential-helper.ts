import { CaissonError } from '../core/index.ts';
import { openLocalHost } from '../host/index.ts';
import type { RunCredentialHelper } from '../registry/index.ts';

/** Milliseconds without output after which a helper counts as hung. A helper may ask a person or another service. */
const IDLE_TIMEOUT_MS = 60_000;

/**
 * Runs the docker-credential-NAME of PATH as docker does (docker-credential-helpers): writes the address to its
 * standard input and returns its standard output, which has the login. Returns undefined when PATH has no such program.
 * Throws AUTH_FAILED when it fails.
 */
export const runCredentialHelper: RunCredentialHelper = async (name, server) => {
  const fail = (reason: string): CaissonError =>
    new CaissonError('AUTH_FAILED', `Cannot ask credential helper "${name}" for the login at "${server}": ${reason}`, {
      hint: `Try it: echo ${server} | docker-credential-${name} get`,
    });
  if (!/^[A-Za-z0-9._-]+$/.test(name)) throw fail('that is no name of a program');
  const machine = openLocalHost({ name: 'this machine' });
  const { exitCode, stdout, stderr } = await machine.run({
    argv: [`docker-credential-${name}`, 'get'],
    input: server,
    idleTimeoutMs: IDLE_TIMEOUT_MS,
  });
  if (exitCode === 127) return undefined;
  if (exitCode === 0 || /credentials not found/i.test(stdout)) return stdout;
  // The message has only standard error, because standard output may contain a secret.
  const said = stderr.trim().split('\n', 1)[0] ?? '';
  throw fail(`it ended with status ${exitCode}${said === '' ? '' : ` (${said.slice(0, 200)})`}`);
};
