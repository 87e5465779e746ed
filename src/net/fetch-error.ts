import { CaissonError, errnoOf, messageOf, type ErrorCode, type ErrorDetails } from '../core/index.ts';

export interface FetchErrorDetails extends ErrorDetails {
  readonly code?: ErrorCode;
  readonly status?: number;
  readonly transient?: boolean;
  /** What was done with the address: "fetch" by default. */
  readonly action?: string;
}

/** A server could not be asked, or did not send what was asked for. */
export class FetchError extends CaissonError {
  /** Without query (signatures live there) and user info. */
  readonly url: string;
  /** The HTTP status, when there was one. */
  readonly status: number | undefined;
  /** True when nobody tried again yet and it may help: a body that broke off. */
  readonly transient: boolean;
  readonly #reason: string;
  readonly #details: FetchErrorDetails;

  constructor(url: string | URL, reason: string, details: FetchErrorDetails = {}) {
    super(details.code ?? 'FETCH_FAILED', `Cannot ${details.action ?? 'fetch'} "${printableUrl(url)}": ${reason}`, details);
    this.url = printableUrl(url);
    this.status = details.status;
    this.transient = details.transient ?? false;
    this.#reason = reason;
    this.#details = details;
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

const TRANSIENT_CODES: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'UND_ERR_SOCKET',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
]);

/** True for connection errors that another attempt may mend; false for names, certificates and protocol errors. */
export function isConnectionError(error: unknown): boolean {
  return TRANSIENT_CODES.has(codeOf(error) ?? '');
}

/** Says what went wrong below HTTP in a few words. */
export function describeConnectionError(error: unknown, stallTimeoutMs: number): { reason: string; hint?: string } {
  const code = codeOf(error) ?? '';
  const seconds = Math.round(stallTimeoutMs / 1000);
  const known: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'the connection was refused',
    ECONNRESET: 'the connection was reset',
    ENOTFOUND: 'the host name does not exist',
    EAI_AGAIN: 'the host name could not be looked up',
    UND_ERR_SOCKET: 'the connection was closed in the middle',
    UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'the connection was closed in the middle',
    UND_ERR_CONNECT_TIMEOUT: 'the host did not accept the connection in time',
    UND_ERR_HEADERS_TIMEOUT: `no answer for ${seconds} s`,
    UND_ERR_BODY_TIMEOUT: `no bytes for ${seconds} s`,
  };
  if (/CERT|SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)|ERR_TLS|ERR_SSL/.test(code)) {
    return {
      reason: `the server's certificate was not accepted (${messageOf(error)})`,
      hint: 'If an authority of your own signed it, name its certificate in NODE_EXTRA_CA_CERTS',
    };
  }
  return { reason: known[code] ?? (messageOf(error) || code || 'unknown error') };
}

/** The code of an error or of what lies behind it: connecting to several addresses gives an AggregateError. */
function codeOf(error: unknown): string | undefined {
  const code = errnoOf(error);
  if (code !== undefined) return code;
  if (error instanceof AggregateError) return error.errors.map(codeOf).find((inner) => inner !== undefined);
  return error instanceof Error && error.cause !== undefined ? codeOf(error.cause) : undefined;
}
