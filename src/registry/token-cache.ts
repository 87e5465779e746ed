import { CaissonError, type Clock } from '../core/index.ts';
import { isLoopback, printableUrl, type HttpClient, type WholeResponse } from '../net/index.ts';
import { parseJsonObject } from '../oci/index.ts';
import type { AuthChallenge } from './auth-challenge.ts';
import { loginHint, type Credentials, type Logins } from './credentials.ts';

export interface TokenRequest {
  /** The challenge that asks for a token, and the origin that sent it. */
  readonly challenge: AuthChallenge;
  readonly origin: string;
  /** repository:NAME:pull, most important first: some services look at the first alone. */
  readonly scopes: readonly string[];
  readonly credentials: Credentials | undefined;
  /** Where they come from, for the hint of a refusal. */
  readonly logins?: Logins | undefined;
  /** A token that was just refused: not to be given again. */
  readonly rejected?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface Token {
  readonly value: string;
  /** On the monotonic clock, in milliseconds. */
  readonly goodUntil: number;
}

const TOKEN_BODY_LIMIT = 1024 * 1024;
const SHORTEST_LIFE_S = 60;
const CLIENT_ID = 'caisson';

/** Bearer tokens by service, scope and user, asked for once and renewed after four fifths of their life. */
export class TokenCache {
  readonly #http: HttpClient;
  readonly #clock: Clock;
  readonly #tokens = new Map<string, Promise<Token>>();

  constructor(http: HttpClient, clock: Clock) {
    this.#http = http;
    this.#clock = clock;
  }

  /** The token for a Bearer challenge. Throws AUTH_FAILED when the token service refuses. */
  async get(request: TokenRequest): Promise<string> {
    const key = keyOf(request);
    const cached = this.#tokens.get(key);
    if (cached !== undefined) {
      const token = await cached;
      if (token.value !== request.rejected && this.#clock.monotonic() < token.goodUntil) return token.value;
      if (this.#tokens.get(key) === cached) this.#tokens.delete(key);
    }
    const pending = this.#tokens.get(key) ?? this.#fetch(request);
    this.#tokens.set(key, pending);
    try {
      return (await pending).value;
    } catch (error) {
      this.#tokens.delete(key);
      throw error;
    }
  }

  async #fetch(request: TokenRequest): Promise<Token> {
    const realm = realmOf(request);
    const response = await this.#ask(realm, request);
    const { status } = response;
    if (status !== 200) {
      throw new CaissonError(
        status === 401 || status === 403 || status === 400 || status === 404 ? 'AUTH_FAILED' : 'FETCH_FAILED',
        `Cannot log in to "${request.origin}": its token service "${printableUrl(realm)}" answered ${status}`,
        {
          hint: request.credentials === undefined ? hintFor(request) : `The stored credentials may be stale: ${hintFor(request)}`,
        },
      );
    }
    const answer = parseJsonObject(response.bytes) ?? {};
    const value = [answer['token'], answer['access_token']].find((text) => typeof text === 'string' && /^[\x21-\x7e]+$/.test(text));
    if (typeof value !== 'string') {
      throw new CaissonError('AUTH_FAILED', `Cannot log in to "${request.origin}": "${printableUrl(realm)}" sent no token`);
    }
    const life = Math.max(SHORTEST_LIFE_S, typeof answer['expires_in'] === 'number' ? answer['expires_in'] : 0);
    return { value, goodUntil: this.#clock.monotonic() + life * 800 };
  }

  /** GET with a password or anonymously; POST with an identity token (distribution, auth/oauth). */
  async #ask(realm: URL, { challenge, scopes, credentials, signal }: TokenRequest): Promise<WholeResponse> {
    const service = challenge.parameters.get('service');
    if (credentials?.type === 'identity') {
      const form = new URLSearchParams({
        grant_type: 'refresh_token',
        client_id: CLIENT_ID,
        scope: scopes.join(' '),
        refresh_token: credentials.token,
        ...(service === undefined ? {} : { service }),
      });
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      return this.#http.requestWhole({ url: realm.href, method: 'POST', headers, body: form.toString(), signal }, TOKEN_BODY_LIMIT);
    }
    const url = new URL(realm);
    if (service !== undefined) url.searchParams.set('service', service);
    for (const scope of scopes) url.searchParams.append('scope', scope);
    if (credentials !== undefined) url.searchParams.set('account', credentials.username);
    const authorization = new Map(credentials === undefined ? [] : [[url.origin, basicHeader(credentials)]]);
    return this.#http.requestWhole({ url: url.href, authorization, signal }, TOKEN_BODY_LIMIT);
  }
}

/** The Authorization header for a user name and password (RFC 7617, UTF-8). */
export function basicHeader(credentials: { readonly username: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`, 'utf8').toString('base64')}`;
}

/**
 * The token service that a challenge names. Refuses a service that would get the credentials unencrypted although the
 * registry uses TLS, and a service on this machine named by a registry elsewhere.
 */
function realmOf({ challenge, origin }: TokenRequest): URL {
  const realm = challenge.parameters.get('realm') ?? '';
  const refuse = (reason: string): CaissonError =>
    new CaissonError('AUTH_FAILED', `Cannot log in to "${origin}": its token service "${printableUrl(realm)}" ${reason}`);
  if (!URL.canParse(realm)) throw refuse('is not a URL');
  const url = new URL(realm);
  const registry = new URL(origin);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && registry.protocol === 'http:')) throw refuse('is not https');
  if (isLoopback(url.hostname) && !isLoopback(registry.hostname)) throw refuse('is on this machine');
  url.username = '';
  url.password = '';
  return url;
}

function keyOf({ challenge, scopes, credentials, origin }: TokenRequest): string {
  const user = credentials === undefined ? '' : credentials.type === 'identity' ? credentials.token : credentials.username;
  return JSON.stringify([origin, challenge.parameters.get('realm'), challenge.parameters.get('service'), scopes, user]);
}

function hintFor({ origin, logins }: TokenRequest): string {
  return loginHint(new URL(origin).host, logins === undefined ? {} : { logins });
}
