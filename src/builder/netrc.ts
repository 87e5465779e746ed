/** A login for a server that asks for one. */
export interface Login {
  readonly username: string;
  readonly password: string;
}

interface Entry {
  machine?: string;
  login?: string;
  password?: string;
}

/**
 * The login of a netrc file for an address; undefined when the file has none. `machine` is
 * `[http://|https://]HOST[:PORT][/PATH]`, the first entry that fits counts, and an entry without a scheme is for https
 * alone, so that no password travels in the clear by mistake. `default` is for every https server. Unknown words and
 * macros are skipped. Never throws: the text is a secret that no message may quote.
 */
export function loginOf(text: string, address: URL): Login | undefined {
  for (const { machine, login, password } of entriesOf(text)) {
    if (login === undefined || password === undefined || !fits(machine, address)) continue;
    return { username: login, password };
  }
  return undefined;
}

function entriesOf(text: string): Entry[] {
  const entries: Entry[] = [];
  const words = text
    .replace(/^[ \t]*macdef\b[^\n]*(?:\n[^\n]+)*/gm, '')
    .replace(/^[ \t]*#.*$/gm, '')
    .split(/\s+/)
    .filter((word) => word !== '');
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index];
    const value = words[index + 1];
    const entry = entries.at(-1);
    if (word === 'default') {
      entries.push({});
    } else if (word === 'machine' && value !== undefined) {
      entries.push({ machine: value });
      index += 1;
    } else if (word === 'login' || word === 'password' || word === 'account') {
      if (entry !== undefined && value !== undefined && word !== 'account') entry[word] = value;
      index += 1;
    }
  }
  return entries;
}

function fits(machine: string | undefined, address: URL): boolean {
  const [, scheme, place = machine ?? ''] = /^([a-z]+):\/\/(.*)$/i.exec(machine ?? '') ?? [];
  if (`${(scheme ?? 'https').toLowerCase()}:` !== address.protocol) return false;
  if (machine === undefined) return true;
  const slash = place.indexOf('/');
  const host = slash < 0 ? place : place.slice(0, slash);
  const path = slash < 0 ? '' : place.slice(slash).replace(/\/+$/, '');
  if (host.toLowerCase() !== address.host) return false;
  return path === '' || address.pathname === path || address.pathname.startsWith(`${path}/`);
}
