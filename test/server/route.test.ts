import { describe, expect, it } from 'vitest';
import { readOnly, router, textResponse } from '../../src/server/index.ts';
import { httpRequest } from '../support/http-request.ts';

const handle = router([
  { path: '/', name: 'page', handle: () => textResponse(200, 'page') },
  { path: '/files/', name: 'files', handle: readOnly(() => textResponse(200, 'files')) },
  { path: '/v2/', name: 'registry', handle: () => ({ status: 200, route: 'manifest' }) },
]);

describe('router', () => {
  it.each([
    ['/', 'page', 200],
    ['/files/', 'files', 200],
    ['/files/a/b', 'files', 200],
    ['/v2/x', 'manifest', 200],
    ['/files', 'other', 404],
    ['/other', 'other', 404],
    ['//', 'other', 404],
  ])('gives %s to %s', async (target, route, status) => {
    expect(await handle(httpRequest(target))).toMatchObject({ route, status });
  });

  it('refuses to write', async () => {
    expect(await handle(httpRequest('/files/a', {}, 'DELETE'))).toMatchObject({
      status: 405,
      headers: { allow: 'GET, HEAD' },
      route: 'files',
    });
  });
});
