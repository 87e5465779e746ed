import { errnoOf, messageOf } from '../core/index.ts';
import type { Blame } from './fetch-error.ts';

/** A failure below HTTP, in words. */
export interface ConnectionProblem {
  readonly reason: string;
  readonly hint?: string;
  /** True when another attempt may mend it; false for names, certificates and protocol errors. */
  readonly transient: boolean;
  /** Undefined for what may be of the one request alone. */
  readonly blames?: Blame;
}

export interface ConnectionOf {
  readonly url: URL;
  readonly stallTimeoutMs: number;
  /** The proxy between, without its password. */
  readonly proxy: string | undefined;
  /** The variable that names the proxy. */
  readonly variable?: string | undefined;
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

/** No connection came about. */
const OF_HOST: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'UND_ERR_CONNECT_TIMEOUT',
]);
/** A connection came about, and no answer. */
const OF_SILENT_HOST: ReadonlySet<string> = new Set(['ECONNRESET', 'UND_ERR_SOCKET', 'UND_ERR_HEADERS_TIMEOUT']);

/** Explains a connection error and gives a hint. */
export function describeConnectionError(error: unknown, connection: ConnectionOf): ConnectionProblem {
  const refused = proxyStatus(error);
  if (connection.proxy !== undefined && refused !== undefined) return describeProxyAnswer(refused, connection);
  const code = codeOf(error) ?? '';
  const certificate = describeCertificate(code, error, connection.url);
  if (certificate !== undefined) return { ...certificate, transient: false, blames: 'host' };
  const seconds = Math.round(connection.stallTimeoutMs / 1000);
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
  const reason = known[code] ?? (messageOf(error) || code || 'unknown error');
  const through = connection.proxy === undefined ? '' : `through the proxy "${connection.proxy}": `;
  return { reason: `${through}${reason}`, transient: TRANSIENT_CODES.has(code), ...blameOf(code) };
}

function blameOf(code: string): { readonly blames?: Blame } {
  if (OF_HOST.has(code)) return { blames: 'host' };
  return OF_SILENT_HOST.has(code) ? { blames: 'silent-host' } : {};
}

/** Explains an answer that came from the proxy. */
function describeProxyAnswer(status: number, { url, proxy, variable }: Omit<ConnectionOf, 'stallTimeoutMs'>): ConnectionProblem {
  if (status === 407) {
    return {
      reason: `the proxy "${proxy}" asks for a user name and password, or refused those it got`,
      hint: `Write them before the host in ${variable ?? 'its address'}, as USER:PASSWORD@, with %40 for an @ in them`,
      transient: false,
      blames: 'host',
    };
  }
  return {
    reason: `the proxy "${proxy}" does not connect to "${url.host}": it answered ${status}`,
    hint: `Let the proxy allow it, or ask it directly: NO_PROXY=${url.hostname}`,
    transient: status >= 500,
    blames: 'host',
  };
}

const AUTHORITY_HINT =
  'If it is an authority of your own, or of a proxy that looks into TLS, give its certificate (PEM): --ca FILE, or NODE_EXTRA_CA_CERTS=FILE';

/** Explains a certificate error by OpenSSL's code; undefined for other errors. */
function describeCertificate(code: string, error: unknown, { host, hostname }: URL): { reason: string; hint?: string } | undefined {
  switch (code) {
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return {
        reason: `the certificate of "${host}" is signed by itself, so that it could be anybody's`,
        hint: 'If it is a server of your own, give its certificate (PEM): --ca FILE, or NODE_EXTRA_CA_CERTS=FILE',
      };
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'CERT_UNTRUSTED':
    case 'CERT_SIGNATURE_FAILURE':
      return { reason: `the certificate of "${host}" comes from an authority that is not trusted here`, hint: AUTHORITY_HINT };
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return {
        reason: `the certificate of "${host}" is for other names${namesIn(error)}`,
        hint: `Use a name that the certificate has, or give "${hostname}" one with its name`,
      };
    case 'CERT_HAS_EXPIRED':
      return {
        reason: `the certificate of "${host}" has expired`,
        hint: 'It must be renewed there; or the clock of this machine is wrong: date',
      };
    case 'CERT_NOT_YET_VALID':
      return { reason: `the certificate of "${host}" is not valid yet`, hint: 'The clock of this machine may be wrong: date' };
    case 'CERT_REVOKED':
      return { reason: `the certificate of "${host}" was revoked` };
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
      return {
        reason: `"${host}" does not speak TLS on this port`,
        hint: 'It may be a port for plain http; only this machine is asked that way',
      };
    default:
      if (!/CERT|ERR_TLS|ERR_SSL|^EPROTO$/.test(code)) return undefined;
      return { reason: `the certificate of "${host}" was not accepted (${messageOf(error)})`, hint: AUTHORITY_HINT };
  }
}

/** " (DNS:a.example, DNS:b.example)" out of Node's message. */
function namesIn(error: unknown): string {
  const names = /cert's altnames: (.+)$/.exec(messageOf(error))?.[1];
  return names === undefined ? '' : ` (${names.slice(0, 200)})`;
}

/** The status of a proxy that refused: undici gives it in its messages only. */
function proxyStatus(error: unknown): number | undefined {
  const status = /^Proxy (?:response|Authentication Required) \((\d{3})\)/.exec(messageOf(error))?.[1];
  return status === undefined ? undefined : Number(status);
}

/** The code of an error or of its cause: connecting to several addresses gives an AggregateError. */
function codeOf(error: unknown): string | undefined {
  const code = errnoOf(error);
  // This one is undici's for a proxy's certificate, with the reason behind it.
  if (code !== undefined && code !== 'UND_ERR_PRX_TLS') return code;
  if (error instanceof AggregateError) return error.errors.map(codeOf).find((inner) => inner !== undefined);
  return error instanceof Error && error.cause !== undefined ? codeOf(error.cause) : undefined;
}
