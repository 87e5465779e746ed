import { existsSync } from 'node:fs';
import { ask } from './ask.ts';

/** Debian's Python modules are of Debian's Python, not of another one that is first in PATH. */
const PYTHON = '/usr/bin/python3';

/** Runs a script with the Python of the system, and returns what it prints as JSON. Throws with its message when it fails. */
export async function askPython(directory: string, script: string, ...argv: readonly string[]): Promise<unknown> {
  const { stdout } = await ask(directory, existsSync(PYTHON) ? PYTHON : 'python3', '-c', script, ...argv);
  return JSON.parse(stdout);
}
