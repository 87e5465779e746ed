import { quoteCommand, shellScript } from '../host/index.ts';

/** The way in which a command becomes root. */
export interface Elevation {
  /** Words in front of the command; empty when the login is root. */
  readonly argv: readonly string[];
  /** Bytes that sudo reads from standard input before the command reads the rest. */
  readonly input: string;
  /** True when sudo on the host refuses to work without a controlling terminal (`Defaults requiretty`). */
  readonly terminal: boolean;
}

export const AS_LOGIN: Elevation = { argv: [], input: '', terminal: false };

/**
 * The ways to become root through sudo, in the order to try them. A sudo that does not ask for a password must not be
 * given one, because the command would read it as its input. So -k ignores the cached ticket, and the password is sent
 * only after sudo without a password has failed.
 */
export function sudoWays(password: string | undefined): readonly Elevation[] {
  const silent: Elevation = { argv: ['sudo', '-k', '-n', '--'], input: '', terminal: false };
  if (password === undefined) return [silent];
  return [silent, { argv: ['sudo', '-k', '-S', '-p', '', '--'], input: `${password}\n`, terminal: false }];
}

/** Returns the same way with sudo messages in English, because the caller reads refusals. */
export function inEnglish(way: Elevation): Elevation {
  return { ...way, argv: ['env', 'LC_ALL=C', ...way.argv] };
}

export function wantsTerminal(refusal: string): boolean {
  return /must have a tty/i.test(refusal);
}

/**
 * Runs the command line $1 below script(1), because sudo requires a terminal. The streams of the command bypass that
 * terminal, so their bytes arrive unchanged.
 */
const WITH_TERMINAL = `exec 3<&0 4>&1 5>&2
exec env SHELL=/bin/sh script -q -e -c "$1" /dev/null </dev/null >/dev/null
`;

/** Returns the command line for the login shell of a host, in a form that every shell understands. */
export function commandLine(elevation: Elevation, argv: readonly string[]): string {
  const words = [...elevation.argv, ...argv];
  if (!elevation.terminal) return `cd / && exec ${quoteCommand(words)}`;
  const inside = `exec ${quoteCommand(words)} <&3 >&4 2>&5 3<&- 4>&- 5>&-`;
  return `cd / && exec ${quoteCommand(shellScript(WITH_TERMINAL, [inside]))}`;
}

/** Returns the hint for a message with which sudo refused. */
export function sudoRemedy(refusal: string, user: string, password: string | undefined): string {
  if (wantsTerminal(refusal) || /\bscript: (command )?not found/.test(refusal)) {
    return `Install the program "script" (util-linux) on the host, or write "Defaults:${user} !requiretty" to a file in /etc/sudoers.d there`;
  }
  if (/not in the sudoers file|not allowed to/.test(refusal))
    return `Allow "${user}" in /etc/sudoers.d on the host, or log in as another user`;
  if (/sudo: (command )?not found/.test(refusal)) return 'Install sudo on the host, or log in as root';
  if (password === undefined) return 'Allow the login to use sudo without a password, or set ssh.sudoPasswordFile in cluster.yaml';
  return 'Check the first line of ssh.sudoPasswordFile, or allow the login to use sudo without a password';
}
