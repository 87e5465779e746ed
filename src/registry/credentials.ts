import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { CaissonError, errnoOf, InvalidInputError, messageOf, silent, type Emit } from '../core/index.ts';
import { parseBoundedJson } from '../io/index.ts';
import { authFilesOf, type LoginEnvironment } from './auth-files.ts';

/** Credentials that docker login stored for a registry. */
export type Credentials =
  | { readonly type: 'password'; readonly username: string; readonly password: string }
  | { readonly type: 'identity'; readonly token: string };

/** Finds credentials for a repository by its full name (registry.example.com/team/app); undefined: ask anonymously. */
export interface FindCredentials {
  (repository: string): Promise<Credentials | undefined>;
  /** Where the credentials come from; undefined where no file is read. */
  readonly logins?: Logins;
}

/** Where credentials come from, for hints. */
export interface Logins {
  /** The command that stores a login, without the registry. */
  readonly command: string;
  /** Files that were read, in the order in which they count; the one that the command writes where there are none. */
  readonly files: readonly string[];
}

/** Says how to log in at a registry, and which files are read for the login. */
export function loginHint(host: string, { logins }: Pick<FindCredentials, 'logins'>): string {
  const command = `${logins?.command ?? 'docker login'} ${host}`;
  const [first, ...others] = logins?.files ?? [];
  if (first === undefined) return command;
  const files = [first, ...others].map((file) => `"${file}"`).join(', then ');
  return `${command} (the login is read from ${files})`;
}

/**
 * Runs docker-credential-NAME get with the server's address on standard input and returns its standard output; undefined
 * when there is no such program.
 */
export type RunCredentialHelper = (name: string, server: string) => Promise<string | undefined>;

export interface DockerCredentialsOptions {
  /** REGISTRY_AUTH_FILE, DOCKER_CONFIG, XDG_RUNTIME_DIR, XDG_CONFIG_HOME and HOME are looked up here. */
  readonly env: LoginEnvironment;
  /** Number of the user of podman's files; that of this process by default. */
  readonly userId?: number;
  readonly runHelper?: RunCredentialHelper;
  readonly emit?: Emit;
}

const HUB_KEY = 'https://index.docker.io/v1/';

/** Gives no credentials: every request is anonymous. */
export const anonymous: FindCredentials = async () => undefined;

/** As loadDockerCredentials, but the files are read at the first look-up, which then reports a damaged file. */
export function dockerCredentials(options: DockerCredentialsOptions): FindCredentials {
  let loaded: Promise<FindCredentials> | undefined;
  return async (repository) => {
    loaded ??= loadDockerCredentials(options);
    return (await loaded)(repository);
  };
}

/**
 * Credentials that podman, skopeo and docker stored, from the files of authFilesOf: the first that has some for a repository counts.
 * Without a file every request is anonymous. Throws INPUT_INVALID for a damaged file, INPUT_UNREADABLE for one that may not be read
 * and for a missing one that REGISTRY_AUTH_FILE names.
 */
export async function loadDockerCredentials(options: DockerCredentialsOptions): Promise<FindCredentials> {
  const { files, variable, session, command } = authFilesOf(options.env, options.userId ?? userInfo().uid);
  const found: { readonly file: string; readonly find: FindCredentials }[] = [];
  for (const file of files) {
    const text = await readIfThere(file, { mustBeThere: variable === 'REGISTRY_AUTH_FILE', mayBeClosed: file === session });
    if (text !== undefined) found.push({ file, find: parseDockerConfig(text, file, options) });
  }
  const first: FindCredentials = async (repository) => {
    for (const { find } of found) {
      const credentials = await find(repository);
      if (credentials !== undefined) return credentials;
    }
    return undefined;
  };
  const read = found.length === 0 ? files.slice(-1) : found.map(({ file }) => file);
  return Object.assign(first, { logins: { command, files: read } });
}

/** `mayBeClosed` is true for a file in a directory that is closed where it is another user's, as XDG_RUNTIME_DIR is after sudo. */
async function readIfThere(
  file: string,
  { mustBeThere, mayBeClosed }: { readonly mustBeThere: boolean; readonly mayBeClosed: boolean },
): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const errno = errnoOf(error);
    if ((errno === 'ENOENT' && !mustBeThere) || (errno === 'EACCES' && mayBeClosed)) return undefined;
    throw new CaissonError('INPUT_UNREADABLE', `Cannot read "${file}": ${messageOf(error)}`, {
      cause: error,
      ...(mustBeThere ? { hint: 'REGISTRY_AUTH_FILE names it: name a file that is there, or unset it' } : {}),
    });
  }
}

/** The credentials in the text of a config.json: credHelpers before credsStore before auths, as docker does. */
export function parseDockerConfig(text: string, file: string, options: Omit<DockerCredentialsOptions, 'env'> = {}): FindCredentials {
  const config = parseObject(text, file);
  const auths = new Map(Object.entries(recordOf(config['auths'])).map(([key, value]) => [normalizeKey(key), recordOf(value)]));
  const helpers = new Map(Object.entries(recordOf(config['credHelpers'])).map(([key, value]) => [normalizeKey(key), value]));
  const store = config['credsStore'];
  const { runHelper, emit = silent } = options;
  const warned = new Set<string>();

  const run = async (helper: string, server: string): Promise<Credentials | undefined> => {
    const answer = await runHelper?.(helper, server);
    if (answer !== undefined) return readHelperAnswer(helper, answer);
    if (!warned.has(helper)) {
      warned.add(helper);
      emit({
        type: 'warning',
        message: `Cannot ask credential helper "${helper}" of "${file}", which is not on PATH; "${server}" is asked without it`,
      });
    }
    return undefined;
  };

  // Each look-up would start a helper process, so answers are kept.
  const answers = new Map<string, Promise<Credentials | undefined>>();
  const ask = async (helper: string, server: string): Promise<Credentials | undefined> => {
    const key = `${helper} ${server}`;
    const answer = answers.get(key) ?? run(helper, server);
    answers.set(key, answer);
    return answer;
  };

  return async (repository) => {
    const keys = prefixesOf(repository);
    const helper = keys.map((key) => helpers.get(key)).find((name) => typeof name === 'string' && name !== '');
    const domain = keys.at(-1) ?? repository;
    const server = domain === 'docker.io' ? HUB_KEY : domain;
    if (typeof helper === 'string') return ask(helper, server);
    const fromStore = typeof store === 'string' && store !== '' ? await ask(store, server) : undefined;
    if (fromStore !== undefined) return fromStore;
    const entry = keys.map((key) => auths.get(key)).find((found) => found !== undefined);
    return entry === undefined ? undefined : readAuth(entry);
  };
}

/** registry.example.com/a/b, registry.example.com/a, registry.example.com: the most exact entry wins. */
function prefixesOf(repository: string): string[] {
  const parts = repository.split('/');
  return parts.map((_, index) => parts.slice(0, parts.length - index).join('/'));
}

/** Keys are written as host, https://host, https://host/v1/ or, by podman, host/path. */
function normalizeKey(key: string): string {
  const bare = key
    .replace(/^https?:\/\//, '')
    .replace(/\/+$/, '')
    .replace(/\/v[12]$/, '')
    .toLowerCase();
  return /^(?:index\.docker\.io|registry-1\.docker\.io)$/.test(bare) ? 'docker.io' : bare;
}

function readAuth(entry: Readonly<Record<string, unknown>>): Credentials | undefined {
  const { identitytoken, auth, username, password } = entry;
  if (typeof identitytoken === 'string' && identitytoken !== '') return { type: 'identity', token: identitytoken };
  if (typeof auth === 'string' && auth !== '') {
    const text = Buffer.from(auth, 'base64').toString('utf8').replaceAll('\0', '');
    const colon = text.indexOf(':');
    return colon < 0 ? undefined : { type: 'password', username: text.slice(0, colon), password: text.slice(colon + 1) };
  }
  return typeof username === 'string' && typeof password === 'string' ? { type: 'password', username, password } : undefined;
}

function readHelperAnswer(helper: string, answer: string): Credentials | undefined {
  if (/credentials not found/i.test(answer)) return undefined;
  const { Username: username, Secret: secret } = parseObject(answer, `docker-credential-${helper}`);
  if (typeof username !== 'string' || typeof secret !== 'string') return undefined;
  return username === '<token>' ? { type: 'identity', token: secret } : { type: 'password', username, password: secret };
}

function parseObject(text: string, file: string): Readonly<Record<string, unknown>> {
  try {
    const value = parseBoundedJson(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return recordOf(value);
  } catch {
    // The text itself is secret: no part of it goes into the message.
  }
  throw new InvalidInputError(file, [{ reason: 'it is not a JSON object' }]);
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value)) : {};
}
