import { CaissonError } from '../core/index.ts';

/** Host (with port, if any) → base URL without a trailing slash: the mirror that is asked instead of the host. */
export type Mirrors = ReadonlyMap<string, string>;

const HOST = /^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::\d{1,5})?$/;

/** Reads the values of `--mirror`, HOST=URL. Throws USAGE naming every wrong one. */
export function parseMirrors(values: readonly string[]): Mirrors {
  const mirrors = new Map<string, string>();
  const problems: string[] = [];
  for (const value of values) {
    const equals = value.indexOf('=');
    const host = value.slice(0, Math.max(equals, 0)).toLowerCase();
    const url = parseBase(value.slice(equals + 1));
    if (!HOST.test(host)) problems.push(`"${value}" does not begin with a host and "="`);
    else if (url === undefined) problems.push(`"${value}" does not name an http or https URL without user, query and fragment`);
    else if (mirrors.has(host)) problems.push(`"${value}" is the second mirror of "${host}"`);
    else mirrors.set(host, url);
  }
  if (problems.length === 0) return mirrors;
  throw new CaissonError('USAGE', `Cannot use --mirror: ${problems.join('; ')}`, {
    hint: 'Write it as --mirror docker.io=https://mirror.example.com; credentials belong in the docker configuration',
  });
}

/** The address to ask for a URL of a package repository: its host's mirror, when it has one, with the same path. */
export function mirroredUrl(url: string, mirrors: Mirrors): string {
  const { host, origin } = new URL(url);
  const mirror = mirrors.get(host);
  return mirror === undefined ? url : `${mirror}${url.slice(origin.length)}`;
}

function parseBase(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, username, password, search, hash } = new URL(text);
  const isPlain = username === '' && password === '' && search === '' && hash === '';
  return isPlain && /^https?:$/.test(protocol) ? text.replace(/\/+$/, '') : undefined;
}
