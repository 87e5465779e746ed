import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/core/index.ts';
import { nameResolver } from '../../../src/server/registry/names.ts';
import { isRepositoryName, parseResource, referenceKind } from '../../../src/server/registry/resource.ts';
import { memoryCatalog } from '../../support/memory-store.ts';
import { processorMs, timed } from '../../support/timed.ts';

const REPOSITORIES = [
  'docker.io/library/nginx',
  'quay.io/library/nginx',
  'docker.io/rainbow/api',
  'quay.io/coreos/etcd',
  'gcr.io/tool/one',
  'ghcr.io/tool/one',
  'registry.example:5000/team/app',
  'localhost:5000/app',
  '[2001:db8::1]:5000/team/app',
  'twin.example:80/app',
  'twin.example-80/app',
  'pair.example:80/app',
  '[pair.example]-80/app',
];
const descriptor = { mediaType: 'application/json', digest: digestOf('x'), size: 1 };
const resolve = nameResolver(memoryCatalog(REPOSITORIES.map((repository) => ({ repository, tag: 'v1', descriptor }))));

describe('nameResolver', () => {
  it.each([
    ['library/nginx', 'docker.io', 'docker.io/library/nginx'],
    ['nginx', 'docker.io', 'docker.io/library/nginx'],
    ['library/nginx', 'registry-1.docker.io', 'docker.io/library/nginx'],
    ['library/nginx', 'quay.io', 'quay.io/library/nginx'],
    ['team/app', 'registry.example:5000', 'registry.example:5000/team/app'],
    ['coreos/etcd', 'docker.io', undefined],
    ['docker.io/library/nginx', 'quay.io', undefined],
    ['app', 'localhost:5000', 'localhost:5000/app'],
    ['team/app', '[2001:db8::1]:5000', '[2001:db8::1]:5000/team/app'],
    ['registry.example-5000/team/app', 'registry.example:5000', undefined],
  ])('takes %s with ns=%s for %s', (name, namespace, repository) => {
    expect(resolve(name, namespace)).toBe(repository);
  });

  it.each([
    ['docker.io/library/nginx', 'docker.io/library/nginx'],
    ['docker.io/nginx', 'docker.io/library/nginx'],
    ['index.docker.io/library/nginx', 'docker.io/library/nginx'],
    ['quay.io/library/nginx', 'quay.io/library/nginx'],
    ['quay.io/nginx', undefined],
    ['registry.example:5000/team/app', 'registry.example:5000/team/app'],
    ['registry.example-5000/team/app', 'registry.example:5000/team/app'],
    ['localhost-5000/app', 'localhost:5000/app'],
    ['2001-db8-1-5000/team/app', '[2001:db8::1]:5000/team/app'],
    ['registry.example-5001/team/app', undefined],
    ['twin.example-80/app', 'twin.example-80/app'],
    ['pair.example-80/app', undefined],
  ])('takes the registry in front of %s', (name, repository) => {
    expect(resolve(name, undefined)).toBe(repository);
  });

  it.each([
    ['library/nginx', 'docker.io/library/nginx'],
    ['nginx', 'docker.io/library/nginx'],
    ['rainbow/api', 'docker.io/rainbow/api'],
    ['coreos/etcd', 'quay.io/coreos/etcd'],
    ['tool/one', undefined],
    ['absent', undefined],
    ['__proto__', undefined],
  ])('takes the bare name %s for docker.io, else for its only owner', (name, repository) => {
    expect(resolve(name, undefined)).toBe(repository);
  });
});

describe('parseResource', () => {
  it.each([
    ['/v2', { type: 'api' }],
    ['/v2/', { type: 'api' }],
    ['/v2/_catalog', { type: 'catalog' }],
    ['/v2/a/b/manifests/v1', { type: 'manifest', name: 'a/b', reference: 'v1' }],
    ['/v2/a/manifests/blobs/manifests/v1', { type: 'manifest', name: 'a/manifests/blobs', reference: 'v1' }],
    ['/v2/a/tags/manifests/list', { type: 'manifest', name: 'a/tags', reference: 'list' }],
    ['/v2/manifests/tags/list', { type: 'tags', name: 'manifests' }],
    ['/v2/a/blobs/sha256:0', { type: 'blob', name: 'a', reference: 'sha256:0' }],
    ['/v2/a/referrers/sha256:0', { type: 'referrers', name: 'a', reference: 'sha256:0' }],
  ])('reads %s from the right', (path, resource) => {
    expect(parseResource(path)).toEqual(resource);
  });

  it.each([
    '/v2/a',
    '/v2/manifests/v1',
    '/v2/a/manifests/',
    '/v2/a/tags/other',
    '/v2/a/blobs/uploads/',
    '/v2//manifests/',
    '/v2/_catalog/',
  ])('finds nothing at %s', (path) => {
    expect(parseResource(path)).toBeUndefined();
  });
});

describe('isRepositoryName', () => {
  it.each(['nginx', 'a/b/c', 'a__b/c-d.e', 'host.example:5000/a', 'localhost/a'])('accepts %s', (name) =>
    expect(isRepositoryName(name)).toBe(true),
  );
  it.each(['', '..', 'a/../b', 'A/b/C', 'a//b', '/a', 'a/', 'a b', 'a\u0000', '-a', `a/${'b'.repeat(600)}`])('refuses %j', (name) =>
    expect(isRepositoryName(name)).toBe(false),
  );
  timed('answers at once for a name made to be slow', async () => {
    expect(await processorMs(() => isRepositoryName(`${'a-'.repeat(250)}!`))).toBeLessThan(2000);
  });
});

describe('referenceKind', () => {
  it.each([
    ['latest', 'tag'],
    ['.INVALID_MANIFEST_NAME', 'tag'],
    [digestOf('x'), 'digest'],
    [`sha512:${'a'.repeat(128)}`, 'digest'],
    ['sha256:totallywrong', 'malformed'],
    [digestOf('x').toUpperCase(), 'malformed'],
    ['sha512:abc', 'malformed'],
    [':', 'malformed'],
  ])('calls %s a %s', (reference, kind) => expect(referenceKind(reference)).toBe(kind));
});
