import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/core/index.ts';
import { difference } from '../../src/plan/difference.ts';
import type { Found, Resource } from '../../src/resources/index.ts';
import { newSiteRecord, type OwnedResource, type SiteRecord } from '../../src/site/index.ts';

function recordOf(...owned: readonly OwnedResource[]): SiteRecord {
  const record = newSiteRecord({ id: 'a', name: 'sample', seed: 'n1' });
  return { ...record, hosts: { n1: { address: '10.0.0.11', roles: ['front'], owned: [...owned] } } };
}

const data: OwnedResource = { kind: 'directory', key: '/opt/sample/data', owner: 'store', data: true };

describe('data of an owner that is gone', () => {
  it('are said to stay by the run in which it goes', () => {
    expect(difference([], new Map(), recordOf(data))).toMatchObject([{ action: 'remove', end: 'kept' }]);
  });

  it('are no change of any later run, until they are purged', () => {
    const kept = { ...data, kept: true };
    expect(difference([], new Map(), recordOf(kept))).toEqual([{ action: 'keep', host: 'n1', owned: kept }]);
    expect(difference([], new Map(), recordOf(kept), { purge: true })).toMatchObject([{ action: 'remove', end: 'gone' }]);
  });
});

describe('an image', () => {
  const image: Resource = {
    kind: 'image',
    host: 'n1',
    owner: 'web',
    key: 'registry.example/web:1',
    digest: digestOf('new'),
    spec: { name: 'registry.example/web:1', config: digestOf('new'), source: 'depot:5443/web@sha256:new' },
  };
  const different = new Map<Resource, Found>([[image, { state: 'different', why: 'another image has its name' }]]);
  const before: OwnedResource = { kind: 'image', key: image.key, owner: 'web', details: { source: 'depot:5443/web@sha256:old' } };

  it('takes the bytes that it replaces along', () => {
    expect(difference([image], different, recordOf(before))).toMatchObject([
      { action: 'change' },
      { action: 'remove', end: 'gone', owned: { kind: 'image', key: 'depot:5443/web@sha256:old', owner: 'web' } },
    ]);
  });

  it('leaves what was there before the site', () => {
    expect(difference([image], different, recordOf({ ...before, before: 'same' }))).toMatchObject([{ action: 'change' }]);
  });
});
