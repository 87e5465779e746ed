import { errnoOf, messageOf } from '../core/index.ts';

const OTHER_AUTHORITY = 'its certificate is not of the authority that is trusted here';
const REFUSED = 'it refuses the certificate that was shown to it, or wants one';

/** Codes of Node and OpenSSL (x509_txt.c, RFC 8446 section 6) in plain words. */
const REASONS: Readonly<Record<string, string>> = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: OTHER_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: OTHER_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: OTHER_AUTHORITY,
  SELF_SIGNED_CERT_IN_CHAIN: OTHER_AUTHORITY,
  DEPTH_ZERO_SELF_SIGNED_CERT: OTHER_AUTHORITY,
  CERT_SIGNATURE_FAILURE: OTHER_AUTHORITY,
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet; compare the clocks',
  INVALID_PURPOSE: 'its certificate is not one for servers',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another address',
};

/** Alerts by which the other side ends a connection over the certificate of this side. */
const REFUSALS =
  /alert (?:unknown ca|bad certificate|certificate (?:required|expired|revoked|unknown)|unsupported certificate|access denied|decrypt error)/i;
const LIBRARY_ERROR = /:error:[0-9A-F]+:[^:]*:[^:]*:([^:]+):/i;

/** Why a TLS connection failed, in plain words; undefined for any other failure. */
export function tlsReason(error: unknown): string | undefined {
  const code = errnoOf(error) ?? '';
  if (Object.hasOwn(REASONS, code)) return REASONS[code];
  if (code !== 'EPROTO' && !code.startsWith('ERR_SSL_')) return undefined;
  const message = messageOf(error);
  if (REFUSALS.test(message)) return REFUSED;
  return `no TLS connection: ${LIBRARY_ERROR.exec(message)?.[1] ?? message.trim()}`;
}
