import type { HttpResponse } from '../message.ts';

/** Error codes of the distribution specification that a read-only registry gives. */
export type RegistryErrorCode =
  'BLOB_UNKNOWN' | 'DIGEST_INVALID' | 'MANIFEST_UNKNOWN' | 'NAME_INVALID' | 'NAME_UNKNOWN' | 'PAGINATION_NUMBER_INVALID' | 'UNSUPPORTED';

export const API_HEADERS = { 'docker-distribution-api-version': 'registry/2.0' } as const;

/** An answer in the error format of the distribution specification (Error Codes). */
export function registryError(
  status: number,
  code: RegistryErrorCode,
  message: string,
  detail: Readonly<Record<string, unknown>> = {},
  headers: Readonly<Record<string, string>> = {},
): HttpResponse {
  return {
    status,
    headers: { ...API_HEADERS, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ errors: [{ code, message, detail }] }),
  };
}

export function jsonResponse(value: unknown, headers: Readonly<Record<string, string>> = {}): HttpResponse {
  return { status: 200, headers: { ...API_HEADERS, 'content-type': 'application/json', ...headers }, body: JSON.stringify(value) };
}
