import { CaissonError, type ErrorCode, type ErrorDetails } from '../core/index.ts';

export interface FetchErrorDetails extends ErrorDetails {
  readonly code?: ErrorCode;
  readonly status?: number;
  readonly transient?: boolean;
  /** Verb of the message: "fetch" by default. */
  readonly action?: string;
  /** As in ConnectionProblem. */
  readonly blames?: Blame;
  /** The origin that the error is a fault of. */
  readonly host?: string;
}

/** The host, for an error that every request to it must have; or a host that has never answered. */
export type Blame = 'host' | 'silent-host';

/** A request that could not be sent, or whose answer is not the wanted content. */
export class FetchError extends CaissonError {
  /** Without query (signatures live there) and user info. */
  readonly url: string;
  /** The HTTP status, when there was one. */
  readonly status: number | undefined;
  /** True when the request was not repeated yet and another attempt may help: a body that broke off. */
  readonly transient: boolean;
  readonly blames: Blame | undefined;
  /** The scheme, host and port that cannot be reached at all: other requests to it have failed with this error, too. */
  readonly host: string | undefined;
  readonly #reason: string;
  readonly #details: FetchErrorDetails;

  constructor(url: string | URL, reason: string, details: FetchErrorDetails = {}) {
    super(details.code ?? 'FETCH_FAILED', `Cannot ${details.action ?? 'fetch'} "${printableUrl(url)}": ${reason}`, details);
    this.url = printableUrl(url);
    this.status = details.status;
    this.transient = details.transient ?? false;
    this.blames = details.blames;
    this.host = details.host;
    this.#reason = reason;
    this.#details = details;
  }

  /** The same error with another next step, for callers that know more than the address. */
  withHint(hint: string): FetchError {
    return new FetchError(this.url, this.#reason, { ...this.#details, hint });
  }

  /** The same error as the fault of a host. */
  asFaultOf(host: string): FetchError {
    return new FetchError(this.url, this.#reason, { ...this.#details, transient: false, host });
  }

  /** The same error after the last attempt. */
  asFinal(): FetchError {
    return this.transient ? new FetchError(this.url, this.#reason, { ...this.#details, transient: false }) : this;
  }
}

/** The URL as messages show it: no user info, no query, no fragment. */
export function printableUrl(url: string | URL): string {
  if (!URL.canParse(String(url))) return String(url);
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}
