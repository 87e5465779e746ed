import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CaissonError } from '../core/index.ts';
import { openLocalHost } from '../host/index.ts';

/**
 * The settings of the ssh configuration for a host (ssh_config(5)). A setting that no file contains is undefined or
 * empty.
 */
export interface SshConfigEntry {
  readonly hostName?: string | undefined;
  readonly hostKeyAlias?: string | undefined;
  readonly user?: string | undefined;
  readonly port?: number | undefined;
  readonly identityFiles: readonly string[];
  readonly identitiesOnly: boolean;
  /** Path of a socket, or `none`. */
  readonly identityAgent?: string | undefined;
  readonly certificateFiles: readonly string[];
  readonly knownHosts: readonly string[];
  readonly globalKnownHosts: readonly string[];
  /** Hosts of ProxyJump, the nearest first; empty for `none`. */
  readonly jumps?: readonly string[] | undefined;
  /** A ProxyCommand that does more than go through a jump host. */
  readonly proxyCommand?: string | undefined;
}

export interface SshConfigPlace {
  /** One file to read instead of those of the user and the machine. */
  readonly file?: string | undefined;
  readonly home: string;
}

/** Stands for an unset value, to recognize a setting that no file contains. No user writes it. */
const UNSET = 'caisson-unset';

/** Appended to the configuration. ssh(1) takes the first value of a setting, so these count only when no file has a value. */
const DEFAULTS = `Match all
  User ${UNSET}
  Port 22
  IdentityFile ${UNSET}
  UserKnownHostsFile ${UNSET}
`;

/**
 * Runs `ssh -G` to get the settings for a name, so that OpenSSH itself handles Include, Match and patterns. Throws
 * INPUT_UNREADABLE when ssh is missing or refuses a file.
 */
export async function readSshConfig(name: string, { file, home }: SshConfigPlace): Promise<SshConfigEntry> {
  const files = file === undefined ? [join(home, '.ssh/config'), '/etc/ssh/ssh_config'] : [file];
  const directory = await mkdtemp(join(tmpdir(), 'caisson-ssh-'));
  try {
    const path = join(directory, 'config');
    await writeFile(path, `${files.map((included) => `Include "${included}"\nMatch all\n`).join('')}${DEFAULTS}`, { mode: 0o600 });
    const { exitCode, stdout, stderr } = await openLocalHost({ name: 'this machine' }).run({ argv: ['ssh', '-G', '-F', path, '--', name] });
    if (exitCode !== 0) throw unreadable(files, exitCode, stderr);
    return parseSshConfig(stdout, { name, home });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function unreadable(files: readonly string[], exitCode: number, stderr: string): CaissonError {
  const absent = exitCode === 127;
  const reason = absent ? 'the program ssh is not on this machine' : (stderr.trim().split('\n').at(-1) ?? '');
  return new CaissonError('INPUT_UNREADABLE', `Cannot read the ssh configuration "${files[0] ?? ''}": ${reason}`, {
    hint: absent ? 'Install openssh-client, or leave ssh.config out of cluster.yaml' : 'Try it yourself: ssh -G NAME',
  });
}

/** Parses the output of `ssh -G`: one setting on each line, its name in lower case. */
export function parseSshConfig(text: string, { name, home }: { readonly name: string; readonly home: string }): SshConfigEntry {
  const lines = text.split('\n').map((line): [string, string] => {
    const space = line.indexOf(' ');
    return space === -1 ? [line, ''] : [line.slice(0, space), line.slice(space + 1).trim()];
  });
  const all = (key: string): string[] => lines.flatMap(([name_, value]) => (name_ === key && value !== UNSET ? [value] : []));
  const one = (key: string): string | undefined => all(key)[0];
  const hostName = one('hostname');
  const user = one('user');
  const port = Number(one('port') ?? 22);
  const expand = (value: string): string => expandTokens(value, { home, host: hostName ?? name, name, user: user ?? '', port: `${port}` });
  const proxyCommand = one('proxycommand');
  const jumps = one('proxyjump')?.split(',') ?? jumpOf(proxyCommand);
  return {
    hostName: hostName === name ? undefined : hostName,
    hostKeyAlias: one('hostkeyalias'),
    user,
    port: port === 22 ? undefined : port,
    identityFiles: all('identityfile')
      .filter((path) => path !== 'none')
      .map(expand),
    identitiesOnly: one('identitiesonly') === 'yes',
    identityAgent: one('identityagent') === undefined ? undefined : expand(one('identityagent') ?? ''),
    certificateFiles: all('certificatefile').map(expand),
    knownHosts: filesIn(one('userknownhostsfile')).map(expand),
    globalKnownHosts: filesIn(one('globalknownhostsfile')).map(expand),
    jumps: jumps?.[0] === 'none' ? [] : jumps,
    proxyCommand: jumps === undefined && proxyCommand !== 'none' ? proxyCommand : undefined,
  };
}

/** Recognizes the old form of a jump host: `ssh -W %h:%p bastion`. */
function jumpOf(proxyCommand: string | undefined): readonly string[] | undefined {
  const match = /^(?:exec )?ssh (?:-q )?(?:-W \[?%h\]?:%p ([^\s-]\S*)|([^\s-]\S*) -W \[?%h\]?:%p)$/.exec(proxyCommand ?? '');
  const jump = match?.[1] ?? match?.[2];
  return jump === undefined ? undefined : [jump];
}

function filesIn(value: string | undefined): readonly string[] {
  return (value ?? '').split(/\s+/).filter((path) => path !== '' && path !== 'none' && path !== '/dev/null');
}

interface Tokens {
  readonly home: string;
  readonly host: string;
  readonly name: string;
  readonly user: string;
  readonly port: string;
}

/** Expands the tokens of ssh_config(5) in paths, which `ssh -G` prints unexpanded. */
function expandTokens(value: string, { home, host, name, user, port }: Tokens): string {
  const tokens: Readonly<Record<string, string>> = { '%%': '%', '%d': home, '%h': host, '%n': name, '%p': port, '%r': user };
  const path = value === '~' || value.startsWith('~/') ? `${home}${value.slice(1)}` : value;
  return path.replaceAll(/%./g, (token) => tokens[token] ?? token);
}
