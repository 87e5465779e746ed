/** A command of a unit. systemd runs it without a shell. */
export interface ExecLine {
  /** The absolute path of the program, and its arguments exactly as the program gets them. */
  readonly argv: readonly string[];
  /** True when a failure of the command is ignored (the `-` prefix). */
  readonly ignoreFailure?: boolean;
}

/** A systemd service unit as data (systemd.unit(5), systemd.service(5), systemd.exec(5)). Times are in seconds. */
export interface UnitFile {
  /** A comment of one line at the start of the file. */
  readonly comment?: string;
  readonly description: string;
  readonly documentation?: string;
  readonly after?: readonly string[];
  readonly wants?: readonly string[];
  readonly requires?: readonly string[];
  readonly type?: 'simple' | 'exec' | 'notify' | 'oneshot';
  readonly remainAfterExit?: boolean;
  readonly execStartPre?: readonly ExecLine[];
  readonly execStart: ExecLine;
  readonly execReload?: ExecLine;
  readonly execStop?: ExecLine;
  readonly execStopPost?: readonly ExecLine[];
  readonly restart?: 'no' | 'always' | 'on-success' | 'on-failure' | 'on-abnormal' | 'on-abort' | 'on-watchdog';
  /** Seconds, or a time span with its unit, such as 500ms. */
  readonly restartSec?: number | string;
  /** Zero: systemd restarts the service after any number of failures. */
  readonly startLimitIntervalSec?: number;
  readonly timeoutStartSec?: number;
  readonly timeoutStopSec?: number;
  readonly killMode?: 'control-group' | 'mixed' | 'process';
  readonly user?: string;
  readonly workingDirectory?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly limitNofile?: number;
  /** Further settings of [Service], such as ProtectSystem: strict. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly wantedBy?: readonly string[];
}

/**
 * Returns the text of a unit file. Throws a plain Error for values that a unit file cannot contain, such as a line feed
 * in a setting or a relative path of a program.
 */
export function formatUnitFile(unit: UnitFile): string {
  const sections = [
    formatSection('Unit', [
      ['Description', escapeSpecifiers(unit.description)],
      ['Documentation', unit.documentation],
      ...namesOf('After', unit.after),
      ...namesOf('Wants', unit.wants),
      ...namesOf('Requires', unit.requires),
      ['StartLimitIntervalSec', unit.startLimitIntervalSec],
    ]),
    formatSection('Service', serviceSettings(unit)),
    formatSection('Install', namesOf('WantedBy', unit.wantedBy ?? ['multi-user.target'])),
  ];
  return `${formatComment(unit.comment)}${sections.join('\n')}`;
}

type Setting = readonly [name: string, value: string | number | boolean | undefined];

function serviceSettings(unit: UnitFile): readonly Setting[] {
  return [
    ['Type', unit.type ?? 'exec'],
    ['RemainAfterExit', unit.remainAfterExit],
    ['User', unit.user],
    ['WorkingDirectory', unit.workingDirectory],
    ...Object.entries(unit.environment ?? {}).map(([name, value]): Setting => ['Environment', formatAssignment(name, value)]),
    ...(unit.execStartPre ?? []).map((line): Setting => ['ExecStartPre', formatExecLine(line)]),
    ['ExecStart', formatExecLine(unit.execStart)],
    ['ExecReload', unit.execReload === undefined ? undefined : formatExecLine(unit.execReload)],
    ['ExecStop', unit.execStop === undefined ? undefined : formatExecLine(unit.execStop)],
    ...(unit.execStopPost ?? []).map((line): Setting => ['ExecStopPost', formatExecLine(line)]),
    ['Restart', unit.restart],
    ['RestartSec', unit.restartSec],
    ['TimeoutStartSec', unit.timeoutStartSec],
    ['TimeoutStopSec', unit.timeoutStopSec],
    ['KillMode', unit.killMode],
    ['LimitNOFILE', unit.limitNofile],
    ...Object.entries(unit.settings ?? {}),
  ];
}

function formatSection(name: string, settings: readonly Setting[]): string {
  const lines = settings.flatMap(([key, value]) => {
    if (value === undefined) return [];
    const text = typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value);
    if (!/^[A-Za-z]+$/.test(key)) throw new Error(`"${key}" is not a setting of a unit`);
    // A backslash at the end would join the next line to this one.
    if (/[\n\r\0]/.test(text) || text.endsWith('\\')) throw new Error(`the setting ${key} of a unit cannot be written on one line`);
    return [`${key}=${text}`];
  });
  return `[${name}]\n${lines.join('\n')}\n`;
}

/** Writes one line for each name; systemd combines the lines. */
function namesOf(setting: string, names: readonly string[] = []): readonly Setting[] {
  return names.map((name) => {
    if (!/^[A-Za-z0-9:_.@\\-]+$/.test(name)) throw new Error(`"${name}" is not a name of a unit`);
    return [setting, name];
  });
}

function formatComment(comment: string | undefined): string {
  if (comment === undefined) return '';
  if (/[\n\r\0]/.test(comment) || comment.endsWith('\\')) throw new Error('the comment of a unit cannot be written on one line');
  return `# ${comment}\n`;
}

/**
 * Formats a command (systemd.service(5), COMMAND LINES) so that specifiers and variables are not expanded and arguments
 * keep their spaces and quotes. Throws a plain Error for a program that is not an absolute path of plain characters.
 */
export function formatExecLine({ argv, ignoreFailure = false }: ExecLine): string {
  const [program, ...parameters] = argv;
  // systemd does not unquote the program's name as it does arguments, and some characters in front of it have a
  // meaning.
  if (program === undefined || !/^\/[A-Za-z0-9_./+@:-]*$/.test(program)) {
    throw new Error(`"${program ?? ''}" is not an absolute path of a program that a unit can start`);
  }
  const words = parameters.map((parameter) => quoteArgument(parameter).replaceAll('$', '$$$$'));
  return `${ignoreFailure ? '-' : ''}${[program, ...words].join(' ')}`;
}

function formatAssignment(name: string, value: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new Error(`"${name}" is not a name of an environment variable`);
  return quoteArgument(`${name}=${value}`);
}

/**
 * Arguments that need no quotes. Brackets are part of IPv6 addresses with a port; systemd expands no patterns
 * (systemd.service(5), COMMAND LINES).
 */
const PLAIN_ARGUMENT = /^[A-Za-z0-9_/.,:@=+[\]-]+$/;

/**
 * Quotes an argument (systemd.syntax(7), QUOTING): double quotes with C escapes. A percent sign is doubled
 * (systemd.unit(5), SPECIFIERS).
 */
function quoteArgument(text: string): string {
  if (text.includes('\0')) throw new Error('an argument of a unit contains NUL');
  if (PLAIN_ARGUMENT.test(text)) return text;
  const escaped = text
    .replaceAll('\\', '\\\\')
    .replaceAll('"', String.raw`\"`)
    .replaceAll('\n', String.raw`\n`)
    .replaceAll('\t', String.raw`\t`)
    .replace(/\p{Cc}/gu, escapeControl);
  return `"${escapeSpecifiers(escaped)}"`;
}

/** Escapes ASCII control characters only: \x85 would be one byte, but the character has two in UTF-8. */
function escapeControl(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code < 0x80 ? `\\x${code.toString(16).padStart(2, '0')}` : character;
}

function escapeSpecifiers(text: string): string {
  return text.replaceAll('%', '%%');
}
