import { formatDuration } from '../core/index.ts';
import type { HttpResponse } from './http-message.ts';
import { headerOf } from './range.ts';

const SHOWN = 200;

/**
 * Describes a rate limit: the server's own words and numbers (RateLimit-Limit: 100;w=21600), and the time of the next
 * allowed request.
 */
export function describeRateLimit(
  response: Pick<HttpResponse, 'headers' | 'status' | 'url'>,
  body: Buffer,
  askedMs: number | undefined,
  now: Date,
): string {
  const { host } = new URL(response.url);
  const said = [wordsOf(body), numbersOf(response)].filter((text) => text !== undefined);
  const details = said.length === 0 ? '' : ` (${said.join('; ')})`;
  const until = askedMs === undefined ? '' : ` and asks to wait ${formatDuration(askedMs)}, until ${timeAfter(now, askedMs)}`;
  const limits = response.status === 429 ? `"${host}" limits how often it is asked: it` : 'the server';
  return `${limits} answered ${response.status}${details}${until}`;
}

/** The messages of a registry's error document (distribution-spec, Error Codes); undefined for other bodies. */
function wordsOf(body: Buffer): string | undefined {
  try {
    const document: unknown = JSON.parse(body.toString('utf8'));
    const errors: unknown = typeof document === 'object' && document !== null && 'errors' in document ? document.errors : undefined;
    const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
    if (typeof first !== 'object' || first === null) return undefined;
    const words = [
      'code' in first && typeof first.code === 'string' ? first.code : '',
      'message' in first && typeof first.message === 'string' ? first.message : '',
    ];
    return (
      words
        .filter((word) => word !== '')
        .join(': ')
        .slice(0, SHOWN) || undefined
    );
  } catch {
    return undefined;
  }
}

function numbersOf(response: Pick<HttpResponse, 'headers'>): string | undefined {
  const match = /^(\d{1,9});w=(\d{1,9})$/.exec((headerOf(response, 'ratelimit-limit') ?? '').trim());
  return match === null ? undefined : `the limit is ${match[1]} in ${formatDuration(Number(match[2]) * 1000)}`;
}

/** 2026-11-26 14:05 UTC */
function timeAfter(now: Date, milliseconds: number): string {
  const time = new Date(now.getTime() + milliseconds);
  return Number.isNaN(time.getTime()) ? 'some day' : `${time.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
