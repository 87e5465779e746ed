import { discard, FetchError, headerOf, type HttpClient, type HttpRequest, type HttpResponse, type WholeResponse } from '../net/index.ts';
import type { Clock } from '../core/index.ts';
import { parseChallenges, type AuthChallenge } from './auth-challenge.ts';
import type { Credentials, FindCredentials } from './credentials.ts';
import type { Endpoint } from './endpoint.ts';
import { basicHeader, TokenCache } from './token-cache.ts';

export interface RegistryRequest extends Omit<HttpRequest, 'authorization'> {
  /** Repository as the endpoint knows it, for the token's scope. */
  readonly repository: string;
  /** The access that the token must allow: `pull` by default. */
  readonly access?: 'pull' | 'pull,push';
  /** Another repository that must be readable, too: the source of a mount. */
  readonly mountFrom?: string;
}

type Answer = Pick<HttpResponse, 'status' | 'headers' | 'url'>;

const PING_LIMIT = 64 * 1024;
const MAX_CHALLENGES = 3;

/** Asks one registry, logging in as it wants (distribution-spec; distribution, auth/token). */
export class RegistryClient {
  readonly #endpoint: Endpoint;
  readonly #http: HttpClient;
  readonly #findCredentials: FindCredentials;
  readonly #tokens: TokenCache;
  #ping: Promise<AuthChallenge | undefined> | undefined;

  constructor(
    endpoint: Endpoint,
    options: { readonly http: HttpClient; readonly findCredentials: FindCredentials; readonly clock: Clock },
  ) {
    this.#endpoint = endpoint;
    this.#http = options.http;
    this.#findCredentials = options.findCredentials;
    this.#tokens = new TokenCache(options.http, options.clock);
  }

  /** Returns a response of any status, except a 401 that credentials answer; the caller interprets the status. */
  async request(request: RegistryRequest): Promise<HttpResponse> {
    return this.#authorized(
      request,
      (authorization) => this.#http.request({ ...request, authorization }),
      (response) => discard(response.body),
    );
  }

  /** The same with a body of up to `limit` bytes. */
  async requestWhole(request: RegistryRequest, limit: number): Promise<WholeResponse> {
    return this.#authorized(
      request,
      (authorization) => this.#http.requestWhole({ ...request, authorization }, limit),
      () => {},
    );
  }

  async #authorized<T extends Answer>(
    request: RegistryRequest,
    perform: (authorization: ReadonlyMap<string, string>) => Promise<T>,
    drop: (answer: T) => void,
  ): Promise<T> {
    try {
      return await this.#loggedIn(request, perform, drop);
    } catch (error) {
      if (!(error instanceof FetchError) || error.code !== 'RATE_LIMITED') throw error;
      throw error.withHint(limitHint(this.#endpoint.credentialsName, request.access));
    }
  }

  async #loggedIn<T extends Answer>(
    request: RegistryRequest,
    perform: (authorization: ReadonlyMap<string, string>) => Promise<T>,
    drop: (answer: T) => void,
  ): Promise<T> {
    const authorization = new Map<string, string>();
    const expected = await this.#expectedChallenge(request.signal);
    const header = expected === undefined ? undefined : await this.#answer(expected, this.#endpoint.origin, request);
    if (header !== undefined) authorization.set(this.#endpoint.origin, header);

    for (let round = 1; ; round += 1) {
      const answer = await perform(authorization);
      if (round > MAX_CHALLENGES || (answer.status !== 401 && answer.status !== 403)) return answer;
      const challenge = usableChallenge(answer);
      if (challenge === undefined || (answer.status === 403 && challenge.parameters.get('error') !== 'insufficient_scope')) return answer;
      // After a redirect another server answers: it gets an anonymous token at most.
      const { origin } = new URL(answer.url);
      const before = authorization.get(origin);
      const next = await this.#answer(challenge, origin, request, before);
      if (next === undefined || next === before) return answer;
      drop(answer);
      authorization.set(origin, next);
    }
  }

  /** The Authorization header that answers a challenge; undefined when there is none to give. */
  async #answer(challenge: AuthChallenge, origin: string, request: RegistryRequest, before?: string): Promise<string | undefined> {
    const credentials = origin === this.#endpoint.origin ? await this.#credentialsFor(request.repository) : undefined;
    if (challenge.scheme === 'basic') return credentials?.type === 'password' ? basicHeader(credentials) : undefined;
    const scopes = scopesFor(challenge, request);
    const rejected = before?.replace(/^Bearer /, '');
    const { logins } = this.#findCredentials;
    return `Bearer ${await this.#tokens.get({ challenge, origin, scopes, credentials, logins, rejected, signal: request.signal })}`;
  }

  async #credentialsFor(repository: string): Promise<Credentials | undefined> {
    return this.#findCredentials(`${this.#endpoint.credentialsName}/${repository}`);
  }

  /** Some registries send a usable challenge on /v2/ alone, so that is asked first, once. */
  async #expectedChallenge(signal: AbortSignal | undefined): Promise<AuthChallenge | undefined> {
    this.#ping ??= this.#askForChallenge(signal);
    try {
      return await this.#ping;
    } catch (error) {
      this.#ping = undefined;
      throw error;
    }
  }

  async #askForChallenge(signal: AbortSignal | undefined): Promise<AuthChallenge | undefined> {
    const answer = await this.#http.requestWhole({ url: `${this.#endpoint.origin}/v2/`, signal }, PING_LIMIT);
    const isItself = new URL(answer.url).origin === this.#endpoint.origin;
    return answer.status === 401 && isItself ? usableChallenge(answer) : undefined;
  }
}

function usableChallenge(answer: Answer): AuthChallenge | undefined {
  const header = answer.headers['www-authenticate'];
  return parseChallenges(header ?? headerOf(answer, 'www-authenticate')).find(({ scheme }) => scheme === 'bearer' || scheme === 'basic');
}

/** The hint for a registry that limits requests; `name` is the name that logins are stored under. */
function limitHint(name: string, access: RegistryRequest['access']): string {
  const again = 'Run the same command again then: what has arrived is kept';
  const login = name === 'docker.io' ? 'docker login' : `docker login ${name}`;
  const mirror = access === 'pull,push' ? '' : `; a mirror has its own (--mirror ${name}=URL)`;
  return `${again}. Who is logged in has a higher limit (${login})${mirror}`;
}

/**
 * The scopes of a token request. The scope of the challenge goes first when it names another repository, or when the
 * registry says that the access was not enough; some services read the first scope only.
 */
function scopesFor(challenge: AuthChallenge, { repository, access = 'pull', mountFrom }: RegistryRequest): string[] {
  const own = `repository:${repository}:${access}`;
  const besides = mountFrom === undefined ? [] : [`repository:${mountFrom}:pull`];
  const wanted = challenge.parameters.get('scope') ?? '';
  const isOurs = wanted === '' || wanted.startsWith(own);
  const first = isOurs && challenge.parameters.get('error') !== 'insufficient_scope' ? [] : [wanted];
  return [...first, own, ...besides].filter((scope) => scope !== '');
}
