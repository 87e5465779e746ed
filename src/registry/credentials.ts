import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CaissonError, errnoOf, InvalidInputError, messageOf, silent, type Emit } from '../core/index.ts';
import { parseBoundedJson } from '../io/index.ts';

/** Credentials that docker login stored for a registry. */
export type Credentials =
  | { readonly type: 'password'; readonly username: string; readonly password: string }
  | { readonly type: 'identity'; readonly token: string };

/** Finds credentials for a repository by its full name (registry.example.com/team/app); undefined: ask anonymously. */
export type FindCredentials = (repository: string) => Promise<Credentials | undefined>;

/**
 * Runs docker-credential-NAME get with the server's address on standard input and returns its standard output; undefined
 * when there is no such program.
 */
export type RunCredentialHelper = (name: string, server: string) => Promise<string | undefined>;

export interface DockerCredentialsOptions {
  /** DOCKER_CONFIG and HOME are looked up here. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly runHelper?: RunCredentialHelper;
  readonly emit?: Emit;
}

const HUB_KEY = 'https://index.docker.io/v1/';

/** Gives no credentials: every request is anonymous. */
export const anonymous: FindCredentials = async () => undefined;

/** As loadDockerCredentials, but the file is read at the first look-up, which then reports a damaged file. */
export function dockerCredentials(options: DockerCredentialsOptions): FindCredentials {
  let loaded: Promise<FindCredentials> | undefined;
  return async (repository) => {
    loaded ??= loadDockerCredentials(options);
    return (await loaded)(repository);
  };
}

/**
 * Credentials of docker's config.json ($DOCKER_CONFIG, else ~/.docker). Without a file every request is anonymous.
 * Throws INPUT_INVALID for a damaged file, INPUT_UNREADABLE for one that may not be read.
 */
export async function loadDockerCredentials(options: DockerCredentialsOptions): Promise<FindCredentials> {
  const directory = options.env['DOCKER_CONFIG'] ?? (options.env['HOME'] === undefined ? undefined : join(options.env['HOME'], '.docker'));
  if (directory === undefined) return anonymous;
  const file = join(directory, 'config.json');
  try {
    return parseDockerConfig(await readFile(file, 'utf8'), file, options);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return anonymous;
    if (error instanceof CaissonError) throw error;
    throw new CaissonError('INPUT_UNREADABLE', `Cannot read "${file}": ${messageOf(error)}`, { cause: error });
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
