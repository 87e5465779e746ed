import { redact } from '../../core/index.ts';

const PRIVATE_KEY = /-----BEGIN ([A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?)-----[\s\S]*?(?:-----END \1-----|$)/g;
/** Shorter values would be found in every text; no secret of a site is that short. */
const LEAST_LENGTH = 6;

/**
 * Returns what takes secrets out of texts: these values, also in base64 and percent encoding, private keys, and credentials that
 * commonly slip into messages (redact of core).
 */
export function redactionOf(secrets: readonly string[]): (text: string) => string {
  const values = secrets
    .map((secret) => secret.trim())
    .filter((secret) => secret.length >= LEAST_LENGTH)
    .flatMap((secret) => [secret, ...encodingsOf(secret)])
    // A value that holds another one goes first, and goes as a whole.
    .sort((left, right) => right.length - left.length);
  return (text) => redact(values.reduce((left, value) => left.replaceAll(value, '***'), text.replace(PRIVATE_KEY, '*** ($1)')));
}

function encodingsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  const encoded = encodeURIComponent(secret);
  return [bytes.toString('base64'), bytes.toString('base64url'), ...(encoded === secret ? [] : [encoded])];
}
