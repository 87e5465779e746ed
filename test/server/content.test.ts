import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { contentResponse, type Content } from '../../src/server/index.ts';
import { bodyText, httpRequest } from '../support/http-request.ts';

const BYTES = '0123456789';
const DATE = 'Wed, 21 Oct 2015 07:28:00 GMT';
const content: Content = {
  size: 10,
  etag: '"tag"',
  modified: new Date('2015-10-21T07:28:00.750Z'),
  headers: { 'content-type': 'text/plain' },
  open: async ({ start, end }) => Readable.from([Buffer.from(BYTES.slice(start, end))]),
};

function ask(headers: Record<string, string>, method = 'GET') {
  return contentResponse(httpRequest('/x', headers, method), content);
}

describe('contentResponse', () => {
  it('gives everything with its validators', async () => {
    const response = ask({});
    expect(response).toMatchObject({ status: 200, headers: { etag: '"tag"', 'last-modified': DATE, 'accept-ranges': 'bytes' } });
    expect(await bodyText(response)).toBe(BYTES);
  });

  it('gives a part', async () => {
    const response = ask({ range: 'bytes=2-4' });
    expect(response).toMatchObject({ status: 206, headers: { 'content-range': 'bytes 2-4/10' }, body: { size: 3 } });
    expect(await bodyText(response)).toBe('234');
  });

  it('answers 416 with a body and a length of its own', () => {
    const response = ask({ range: 'bytes=10-' });
    expect(response).toMatchObject({ status: 416, headers: { 'content-range': 'bytes */10' } });
    expect(response.body).toBe('The range is outside the content\n');
  });

  it('ignores a range for HEAD', () => {
    expect(ask({ range: 'bytes=2-4' }, 'HEAD')).toMatchObject({ status: 200, body: { size: 10 } });
  });

  it.each([
    ['"tag"', 206],
    ['"other"', 200],
    ['W/"tag"', 200],
    [DATE, 206],
    ['Wed, 21 Oct 2015 07:27:59 GMT', 200],
    ['Wed, 21 Oct 2015 07:28:01 GMT', 200],
    ['nonsense', 200],
  ])('answers a range with If-Range %s with %d', (condition, status) => {
    expect(ask({ range: 'bytes=0-1', 'if-range': condition }).status).toBe(status);
  });

  it.each([
    [{ 'if-none-match': '"tag"' }, 304],
    [{ 'if-none-match': '"a", W/"tag"' }, 304],
    [{ 'if-none-match': '*' }, 304],
    [{ 'if-none-match': '"a"' }, 200],
    [{ 'if-none-match': '"a"', 'if-modified-since': DATE }, 200],
    [{ 'if-modified-since': DATE }, 304],
    [{ 'if-modified-since': 'Wed, 21 Oct 2015 07:28:01 GMT' }, 304],
    [{ 'if-modified-since': 'Wed, 21 Oct 2015 07:27:59 GMT' }, 200],
    [{ 'if-modified-since': 'nonsense' }, 200],
  ])('answers %o with %d', (headers, status) => {
    const response = ask(headers);
    expect(response.status).toBe(status);
    expect(response.body === undefined).toBe(status === 304);
  });
});
