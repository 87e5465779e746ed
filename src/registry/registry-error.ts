import { CaissonError, type ErrorCode, type ErrorDetails } from '../core/index.ts';
import { printableUrl, readStart, type HttpResponse, type WholeResponse } from '../net/index.ts';
import { parseJsonObject } from '../oci/index.ts';
import { anonymous, loginHint, type FindCredentials } from './credentials.ts';

/** One entry of a registry's error answer (distribution-spec, Error Codes). */
export interface RegistryDiagnostic {
  readonly code: string;
  readonly message: string;
}

export interface RegistryErrorDetails extends ErrorDetails {
  readonly status: number;
  readonly request: string;
  readonly diagnostics: readonly RegistryDiagnostic[];
}

/** A registry's refusal, with the diagnostics of its answer. */
export class RegistryError extends CaissonError {
  readonly status: number;
  readonly diagnostics: readonly RegistryDiagnostic[];
  /** The address asked, after redirects. */
  readonly request: string;

  constructor(code: ErrorCode, message: string, details: RegistryErrorDetails) {
    super(code, message, details);
    this.status = details.status;
    this.diagnostics = details.diagnostics;
    this.request = details.request;
  }
}

const ERROR_BODY_LIMIT = 64 * 1024;
const SHOWN = 200;

/** The registry that was asked, and where logins for it come from. */
export interface AskedRegistry {
  readonly origin: string;
  readonly findCredentials?: FindCredentials | undefined;
}

/**
 * The error that a refused request means for `what` (an image or blob, quoted), when this registry was asked;
 * who answered may be another, after redirects. Reads the body of the answer.
 */
export async function refusal(what: string, registry: AskedRegistry, response: HttpResponse): Promise<RegistryError> {
  const bytes = await readStart(response.body, ERROR_BODY_LIMIT).catch(() => Buffer.alloc(0));
  return refusalOf(what, registry, { status: response.status, headers: response.headers, url: response.url, bytes });
}

/** The same for an answer whose body was read. */
export function refusalOf(what: string, registry: AskedRegistry, response: WholeResponse): RegistryError {
  const { status } = response;
  const diagnostics = parseDiagnostics(response.bytes);
  const answer = describeAnswer(status, diagnostics);
  const request = printableUrl(response.url);
  const details = { status, diagnostics, request };
  if (status === 404) return new RegistryError('IMAGE_NOT_FOUND', `Cannot find ${what}: "${request}" ${answer}`, details);
  // A signed address of another host that is refused has expired or is wrong; no login helps there.
  if ((status === 401 || status === 403) && new URL(response.url).origin === registry.origin) {
    return new RegistryError('AUTH_FAILED', `Cannot read ${what}: "${request}" ${answer}`, {
      ...details,
      hint: `It does not exist, or it needs credentials: ${loginHintFor(registry)}`,
    });
  }
  return new RegistryError('FETCH_FAILED', `Cannot read ${what}: "${request}" ${answer}`, details);
}

/** The error that a refused push of `what` (an image or blob, quoted) means. Reads the body of the answer. */
export async function pushRefusal(what: string, registry: AskedRegistry, response: HttpResponse): Promise<RegistryError> {
  const { diagnostics, answer, request } = await explain(response);
  const { status } = response;
  const isLogin = (status === 401 || status === 403) && new URL(response.url).origin === registry.origin;
  const isOfUpload = diagnostics.some(({ code }) => code.startsWith('BLOB_UPLOAD_'));
  const hint = isLogin ? `It needs a login that may push there: ${loginHintFor(registry)}` : isOfUpload ? undefined : PUSH_HINTS[status];
  return new RegistryError(isLogin ? 'AUTH_FAILED' : 'PUSH_REFUSED', `Cannot push ${what}: "${request}" ${answer}`, {
    status,
    diagnostics,
    request,
    ...(hint === undefined ? {} : { hint }),
  });
}

function loginHintFor({ origin, findCredentials = anonymous }: AskedRegistry): string {
  return loginHint(new URL(origin).host, findCredentials);
}

const PUSH_HINTS: Readonly<Record<number, string>> = {
  404: 'The registry does not make repositories by itself: make the project first, or push below one that exists (REGISTRY/PROJECT)',
  405: 'The registry can only be read, or something else answers at its address',
  412: 'The tag may be immutable there: allow it to be replaced, or push below another prefix',
  413: 'A proxy before the registry limits the size of uploads (nginx: client_max_body_size): lift the limit',
};

async function explain(response: HttpResponse): Promise<{ diagnostics: RegistryDiagnostic[]; answer: string; request: string }> {
  const diagnostics = parseDiagnostics(await readStart(response.body, ERROR_BODY_LIMIT).catch(() => Buffer.alloc(0)));
  return { diagnostics, answer: describeAnswer(response.status, diagnostics), request: printableUrl(response.url) };
}

function describeAnswer(status: number, diagnostics: readonly RegistryDiagnostic[]): string {
  const said = diagnostics.map(({ code, message }) => (message === '' ? code : `${code}: ${message}`)).join('; ');
  return said === '' ? `answered ${status}` : `answered ${status} (${said.slice(0, SHOWN)})`;
}

function parseDiagnostics(bytes: Uint8Array): RegistryDiagnostic[] {
  const errors: unknown = parseJsonObject(bytes)?.['errors'];
  if (!Array.isArray(errors)) return [];
  return errors.flatMap((entry: unknown) => {
    if (typeof entry !== 'object' || entry === null || !('code' in entry) || typeof entry.code !== 'string') return [];
    return [{ code: entry.code, message: 'message' in entry && typeof entry.message === 'string' ? entry.message : '' }];
  });
}
