import { describe, expect, it } from 'vitest';
import { fileRoutes } from '../../../src/server/index.ts';
import { bodyText, httpRequest } from '../../support/http-request.ts';
import { memoryTree } from '../../support/memory-store.ts';

const DATE = new Date('2026-01-02T03:04:05Z');
const tree = memoryTree(
  {
    'apt/debian-12/dists/bookworm/Release': 'Date: x\n',
    'apt/debian-12/pool/libc++_1~2:3%3a4.deb': 'deb',
    'apt/debian-12/<b>&".html': 'page',
    secret: 'not under the root',
  },
  DATE,
);
const handle = fileRoutes({
  tree,
  prefix: '/apt/debian-12/',
  root: 'apt/debian-12',
  overlay: new Map([
    ['dists/bookworm/InRelease', Buffer.from('signed')],
    ['key.asc', Buffer.from('key')],
  ]),
});

async function ask(target: string, headers: Record<string, string> = {}) {
  return handle(httpRequest(target, headers));
}

describe('fileRoutes', () => {
  it('gives a file with its tag and date', async () => {
    const response = await ask('/apt/debian-12/dists/bookworm/Release');
    expect(response).toMatchObject({
      status: 200,
      headers: { 'last-modified': DATE.toUTCString(), 'content-type': 'text/plain; charset=utf-8' },
    });
    expect(response.headers?.['etag']).toMatch(/^"sha256:[0-9a-f]{64}"$/);
    expect(await bodyText(response)).toBe('Date: x\n');
    expect((await ask('/apt/debian-12/dists/bookworm/Release', { 'if-modified-since': DATE.toUTCString() })).status).toBe(304);
  });

  it('decodes a name once, as apt encodes it', async () => {
    expect(await bodyText(await ask('/apt/debian-12/pool/libc%2b%2b_1%7e2%3a3%253a4.deb'))).toBe('deb');
    expect((await ask('/apt/debian-12/pool/libc++_1~2:3%3a4.deb')).status).toBe(404);
  });

  it('gives a part of a file whose transfer broke, and all of it when it changed', async () => {
    const target = '/apt/debian-12/dists/bookworm/Release';
    expect((await ask(target, { range: 'bytes=3-', 'if-range': DATE.toUTCString() })).status).toBe(206);
    expect((await ask(target, { range: 'bytes=3-', 'if-range': new Date(0).toUTCString() })).status).toBe(200);
  });

  it('gives what is made here without a date, so that a new signature is always fetched', async () => {
    const response = await ask('/apt/debian-12/dists/bookworm/InRelease', { 'if-modified-since': 'Fri, 01 Jan 2100 00:00:00 GMT' });
    expect(response.status).toBe(200);
    expect(response.headers).not.toHaveProperty('last-modified');
    expect(await bodyText(response)).toBe('signed');
    const etag = response.headers?.['etag'] ?? '';
    expect((await ask('/apt/debian-12/dists/bookworm/InRelease', { 'if-none-match': etag })).status).toBe(304);
  });

  it.each([
    '/apt/debian-12/../secret',
    '/apt/debian-12/%2e%2e/secret',
    '/apt/debian-12/..%2fsecret',
    '/apt/debian-12/dists/../../../secret',
    '/apt/debian-12//etc/passwd',
    '/apt/debian-12/./key.asc',
    '/apt/debian-12/a%00b',
    '/apt/debian-12/%zz',
    '/apt/debian-12/..',
    '/apt/debian-12/../',
  ])('refuses %s', async (target) => {
    expect((await ask(target)).status).toBe(400);
  });

  it('finds nothing for an absent file, and for one that is only doubly encoded', async () => {
    expect((await ask('/apt/debian-12/absent')).status).toBe(404);
    expect((await ask('/apt/debian-12/%252e%252e/secret')).status).toBe(404);
    expect((await ask('/apt/debian-12/absent/')).status).toBe(404);
  });

  it('lists a directory with what is made here, escaped, and sends people to the trailing slash', async () => {
    const page = await bodyText(await ask('/apt/debian-12/'));
    for (const name of ['./dists/', './pool/', './key.asc', '../']) expect(page).toContain(`href="${name}"`);
    expect(page).toContain('&lt;b&gt;&amp;&quot;.html');
    expect(page).not.toContain('<b>');
    expect(await bodyText(await ask('/apt/debian-12/dists/bookworm/'))).toContain('./InRelease');
    expect(await ask('/apt/debian-12/dists')).toMatchObject({ status: 301, headers: { location: '/apt/debian-12/dists/' } });
  });

  it('never lets a file of a bundle be a page of this origin', async () => {
    const response = await ask(`/apt/debian-12/${encodeURIComponent('<b>&".html')}`);
    expect(response.headers).toMatchObject({ 'content-type': 'application/octet-stream', 'x-content-type-options': 'nosniff' });
  });
});
