import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/core/index.ts';
import { registryRoutes, type HttpResponse } from '../../../src/server/index.ts';
import { bodyText, httpRequest } from '../../support/http-request.ts';
import { MemoryBlobStore, memoryCatalog } from '../../support/memory-store.ts';
import { putImage, putIndex } from '../../support/random-image.ts';

const blobs = new MemoryBlobStore();
const image = putImage(blobs, 'hello');
const index = putIndex(blobs, [image.manifest]);
const signature = putImage(blobs, 'signature');
const NAME = 'docker.io/library/app';
const catalog = memoryCatalog([
  { repository: NAME, tag: 'v1', descriptor: image.manifest },
  { repository: NAME, tag: 'v2', descriptor: index },
  { repository: NAME, tag: 'V3', descriptor: index },
  { repository: NAME, descriptor: signature.manifest, subject: image.manifest.digest, artifactType: 'application/x.signature' },
  { repository: 'quay.io/other/tool', tag: 'latest', descriptor: image.manifest },
]);
const handle = registryRoutes({ catalog, blobs });

async function ask(target: string, headers: Record<string, string> = {}, method = 'GET'): Promise<HttpResponse> {
  return handle(httpRequest(target, headers, method));
}

async function json(response: HttpResponse): Promise<unknown> {
  return JSON.parse(await bodyText(response));
}

describe('the registry', () => {
  it.each(['/v2', '/v2/'])('says at %s that it is one', async (target) => {
    const response = await ask(target);
    expect(response).toMatchObject({
      status: 200,
      headers: { 'content-type': 'application/json', 'docker-distribution-api-version': 'registry/2.0' },
    });
    expect(await json(response)).toEqual({});
  });

  it.each([
    `/v2/${NAME}/manifests/v1`,
    `/v2/library/app/manifests/v1`,
    `/v2/app/manifests/v1?ns=docker.io`,
    `/v2/${NAME}/manifests/${image.manifest.digest}`,
    `/v2/${NAME}/manifests/${encodeURIComponent(image.manifest.digest)}`,
    `/v2/other/tool/manifests/latest`,
  ])('gives the manifest at %s byte for byte under its own type', async (target) => {
    for (const method of ['GET', 'HEAD']) {
      const response = await ask(target, { accept: 'text/plain' }, method);
      expect(response).toMatchObject({
        status: 200,
        headers: {
          'content-type': image.manifest.mediaType,
          'docker-content-digest': image.manifest.digest,
          etag: `"${image.manifest.digest}"`,
        },
      });
      expect(response.headers).not.toHaveProperty('cache-control');
      expect(response.headers).not.toHaveProperty('content-encoding');
      expect(digestOf(await bodyText(response))).toBe(image.manifest.digest);
    }
  });

  it('gives an index under a tag', async () => {
    expect(await ask(`/v2/${NAME}/manifests/v2`)).toMatchObject({ headers: { 'content-type': index.mediaType } });
  });

  it('names the namespace that a mirror request came for', async () => {
    expect((await ask('/v2/library/app/manifests/v1?ns=docker.io')).headers).toMatchObject({ 'oci-namespace': 'docker.io' });
  });

  it('answers 304 to who has the manifest already', async () => {
    const response = await ask(`/v2/${NAME}/manifests/v1`, { 'if-none-match': `"${image.manifest.digest}"` });
    expect(response.status).toBe(304);
    expect(response.body).toBeUndefined();
  });

  it('reads a manifest from the store once', async () => {
    const counted = new MemoryBlobStore();
    const { manifest } = putImage(counted, 'x');
    const own = registryRoutes({
      catalog: memoryCatalog([{ repository: 'docker.io/a/b', tag: 'v', descriptor: manifest }]),
      blobs: counted,
    });
    for (let round = 0; round < 5; round += 1) await own(httpRequest('/v2/a/b/manifests/v'));
    expect(counted.opened).toBe(1);
  });

  it('answers a request that it remembers as the first time: by its method, its condition and its namespace', async () => {
    const target = `/v2/other/tool/manifests/latest`;
    const first = await ask(target);
    expect(await ask(target)).toEqual(first);
    expect((await ask(target, { 'if-none-match': `"${image.manifest.digest}"` })).status).toBe(304);
    expect((await ask(`${target}?ns=docker.io`)).status).toBe(404);
    expect((await ask(`${target}?ns=quay.io`)).headers).toMatchObject({ 'oci-namespace': 'quay.io' });
    expect((await ask(target)).headers).not.toHaveProperty('oci-namespace');
    expect((await ask(target, {}, 'DELETE')).status).toBe(405);
    expect(await ask(target)).toEqual(first);
  });

  it('stays right for more paths than it remembers', async () => {
    const many = memoryCatalog(
      Array.from({ length: 5000 }, (_, number) => ({
        repository: 'docker.io/a/b',
        tag: `t${number}`,
        descriptor: number % 2 === 0 ? image.manifest : index,
      })),
    );
    const own = registryRoutes({ catalog: many, blobs });
    for (let round = 0; round < 2; round += 1) {
      for (let number = 0; number < 5000; number += 1) {
        const { headers } = await own(httpRequest(`/v2/a/b/manifests/t${number}`));
        if (headers?.['docker-content-digest'] !== (number % 2 === 0 ? image.manifest : index).digest) throw new Error(`t${number}`);
      }
    }
  });

  it('refuses to give a manifest whose bytes are not its digest', async () => {
    const broken = new MemoryBlobStore();
    const { manifest } = putImage(broken, 'x');
    broken.corrupt(manifest.digest, 'y'.repeat(manifest.size));
    const own = registryRoutes({
      catalog: memoryCatalog([{ repository: 'docker.io/a/b', tag: 'v', descriptor: manifest }]),
      blobs: broken,
    });
    await expect(own(httpRequest('/v2/a/b/manifests/v'))).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });

  it('gives blobs, whole and in part', async () => {
    const target = `/v2/${NAME}/blobs/${image.layer.digest}`;
    const whole = await ask(target);
    expect(whole).toMatchObject({
      status: 200,
      headers: {
        'content-type': 'application/octet-stream',
        'docker-content-digest': image.layer.digest,
        'accept-ranges': 'bytes',
        etag: `"${image.layer.digest}"`,
      },
      body: { size: image.layer.size },
    });
    const part = await ask(target, { range: 'bytes=5-' });
    expect(part).toMatchObject({ status: 206, headers: { 'content-range': `bytes 5-${image.layer.size - 1}/${image.layer.size}` } });
    expect((await ask(target, { range: `bytes=${image.layer.size}-` })).status).toBe(416);
  });

  it('lists tags in pages', async () => {
    const target = '/v2/library/app/tags/list';
    expect(await json(await ask(target))).toEqual({ name: 'library/app', tags: ['V3', 'v1', 'v2'] });
    const first = await ask(`${target}?n=2&ns=docker.io`);
    expect(await json(first)).toEqual({ name: 'library/app', tags: ['V3', 'v1'] });
    expect(first.headers).toMatchObject({ link: `<${target}?n=2&ns=docker.io&last=v1>; rel="next"` });
    const second = await ask(`${target}?n=2&last=v1`);
    expect(await json(second)).toEqual({ name: 'library/app', tags: ['v2'] });
    expect(second.headers).not.toHaveProperty('link');
    expect(await json(await ask(`${target}?last=v0`))).toEqual({ name: 'library/app', tags: ['v1', 'v2'] });
    const none = await ask(`${target}?n=0`);
    expect(await json(none)).toEqual({ name: 'library/app', tags: [] });
    expect(none.headers).not.toHaveProperty('link');
    expect((await ask(`${target}?n=3`)).headers).not.toHaveProperty('link');
  });

  it('lists repositories in pages', async () => {
    expect(await json(await ask('/v2/_catalog'))).toEqual({ repositories: [NAME, 'quay.io/other/tool'] });
    const first = await ask('/v2/_catalog?n=1');
    expect(first.headers).toMatchObject({ link: '</v2/_catalog?n=1&last=docker.io%2Flibrary%2Fapp>; rel="next"' });
  });

  it('lists what refers to a manifest, and nothing for a digest that nobody knows', async () => {
    const target = `/v2/library/app/referrers/${image.manifest.digest}`;
    const response = await ask(target);
    expect(response.headers).toMatchObject({ 'content-type': 'application/vnd.oci.image.index.v1+json' });
    expect(await json(response)).toEqual({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [{ ...signature.manifest, artifactType: 'application/x.signature' }],
    });
    const filtered = await ask(`${target}?artifactType=application/other`);
    expect(filtered.headers).toMatchObject({ 'oci-filters-applied': 'artifactType' });
    expect(await json(filtered)).toMatchObject({ manifests: [] });
    for (const name of ['library/app', 'un/known']) {
      const nothing = await ask(`/v2/${name}/referrers/${digestOf('nobody')}`);
      expect(nothing.status).toBe(200);
      expect(await json(nothing)).toMatchObject({ manifests: [] });
    }
  });

  it.each([
    [`/v2/library/app/manifests/.INVALID_MANIFEST_NAME`, 404, 'MANIFEST_UNKNOWN'],
    [`/v2/library/app/manifests/sha256:totallywrong`, 400, 'DIGEST_INVALID'],
    [`/v2/library/app/manifests/${digestOf('nobody')}`, 404, 'MANIFEST_UNKNOWN'],
    [`/v2/other/tool/manifests/${index.digest}`, 404, 'MANIFEST_UNKNOWN'],
    [`/v2/library/app/manifests/sha512:${'a'.repeat(128)}`, 404, 'MANIFEST_UNKNOWN'],
    [`/v2/library/app/blobs/${digestOf('nobody')}`, 404, 'BLOB_UNKNOWN'],
    [`/v2/library/app/blobs/sha512:${'a'.repeat(128)}`, 404, 'BLOB_UNKNOWN'],
    [`/v2/library/app/blobs/sha256:baddigeststring`, 400, 'DIGEST_INVALID'],
    [`/v2/library/app/blobs/latest`, 400, 'DIGEST_INVALID'],
    [`/v2/library/app/referrers/nonsense`, 400, 'DIGEST_INVALID'],
    [`/v2/un/known/tags/list`, 404, 'NAME_UNKNOWN'],
    [`/v2/un/known/blobs/${digestOf('hello')}`, 404, 'NAME_UNKNOWN'],
    [`/v2/library/app/manifests/v1?ns=quay.io`, 404, 'NAME_UNKNOWN'],
    [`/v2/a/..%2f..%2fetc/manifests/v1`, 400, 'NAME_INVALID'],
    [`/v2/a/../../etc/manifests/v1`, 400, 'NAME_INVALID'],
    [`/v2/UPPER/Case/manifests/v1`, 400, 'NAME_INVALID'],
    [`/v2/library/app/tags/list?n=-1`, 400, 'PAGINATION_NUMBER_INVALID'],
    [`/v2/library/app/tags/list?n=many`, 400, 'PAGINATION_NUMBER_INVALID'],
    [`/v2/library/app/manifests/%ff`, 404, 'UNSUPPORTED'],
    [`/v2/nothing`, 404, 'UNSUPPORTED'],
  ])('answers %s with %d %s', async (target, status, code) => {
    const response = await ask(target);
    expect(response).toMatchObject({ status, headers: { 'content-type': 'application/json' } });
    expect(await json(response)).toMatchObject({ errors: [{ code }] });
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE'])('refuses %s', async (method) => {
    for (const target of [
      '/v2/library/app/blobs/uploads/',
      '/v2/library/app/manifests/v1',
      `/v2/library/app/blobs/${image.layer.digest}`,
    ]) {
      const response = await ask(target, {}, method);
      expect(response).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
      expect(await json(response)).toMatchObject({ errors: [{ code: 'UNSUPPORTED' }] });
    }
  });
});
