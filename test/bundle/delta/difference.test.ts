import { expect, it } from 'vitest';
import { differenceOf, planBundle, type BundleManifest } from '../../../src/bundle/index.ts';
import { asDelta } from '../../../src/builder/bases.ts';
import { digestOf } from '../../../src/core/index.ts';
import { newerBundle } from '../../support/delta-bundle.ts';
import { small, smallBundle } from '../../support/small-bundle.ts';

function manifestOf(changes: Parameters<typeof smallBundle>[0] = {}): BundleManifest {
  return planBundle(smallBundle(changes).input).manifest;
}

it('finds nothing between a bundle and itself', () => {
  expect(differenceOf(manifestOf(), manifestOf())).toMatchObject({ images: [], packages: [], files: [], newContent: 0 });
});

it('names images that came, went and changed, with digest and size', () => {
  const { images } = smallBundle().input;
  const [gamma, alpha, beta] = images;
  if (gamma === undefined || alpha === undefined || beta === undefined) throw new Error('a small bundle has three images');
  const after = manifestOf({
    images: [gamma, { ...alpha, root: beta.root, platforms: beta.platforms }, { ...beta, name: 'docker.io/library/beta:new' }],
  });
  const found = differenceOf(manifestOf(), after).images;
  expect(found.map(({ name, from, to }) => [name, from?.digest, to?.digest])).toEqual([
    ['docker.io/library/alpha:1.0', alpha.root.digest, beta.root.digest],
    ['docker.io/library/alpha:stable', alpha.root.digest, undefined],
    ['docker.io/library/beta:latest', beta.root.digest, undefined],
    ['docker.io/library/beta:new', undefined, beta.root.digest],
  ]);
  const [platform] = beta.platforms;
  const size = [beta.root, platform?.config, ...(platform?.layers ?? [])].reduce((sum, each) => sum + (each?.size ?? 0), 0);
  expect(found.at(-1)?.to?.size).toBe(size);
});

it('names packages with their versions', () => {
  const [repository] = smallBundle().input.repositories;
  if (repository === undefined) throw new Error('a small bundle has a repository');
  const packages = repository.packages.map((item) => ({ ...item, version: '2.0' }));
  expect(differenceOf(manifestOf(), manifestOf({ repositories: [{ ...repository, packages: packages.slice(0, 1) }] })).packages).toEqual([
    { name: 'alpha:amd64 (debian-12)', from: { version: '1.0', size: 700 }, to: { version: '2.0', size: 700 } },
    { name: 'beta:amd64 (debian-12)', from: { version: '1.0', size: 1900 } },
  ]);
});

it('counts the bytes of all members, and names a package whose bytes alone changed, and files that came and went', () => {
  const { files } = smallBundle().input;
  const before = manifestOf();
  const total = (manifest: BundleManifest): number => manifest.entries.reduce((sum, { size }) => sum + size, 0);
  const isAlpha = (path: string): boolean => path.includes('alpha_1.0');
  const after = manifestOf({
    files: [
      ...files
        .filter(({ path }) => path !== 'manifests/platform.yaml')
        .map((each) => (isAlpha(each.path) ? { ...each, size: 701, digest: digestOf('other bytes') } : each)),
      small('documents/new', 'new\n', 'document'),
    ],
  });
  const found = differenceOf(before, after);
  expect(found.size).toEqual({ from: total(before), to: total(after) });
  expect(found.packages).toEqual([
    { name: 'alpha:amd64 (debian-12)', from: { version: '1.0', size: 700 }, to: { version: '1.0', size: 701 } },
  ]);
  expect(found.files).toMatchObject([{ name: 'documents/new', to: { size: 4 } }, { name: 'manifests/platform.yaml' }]);
  expect(found.files.map((each) => Object.keys(each))).toEqual([
    ['name', 'to'],
    ['name', 'from'],
  ]);
  expect(found.newContent).toBe(701);
});

it('names files that people put in, and leaves out what only follows from the rest', () => {
  const { files } = smallBundle().input;
  const changed = files.map((each) => {
    if (each.path === 'manifests/platform.yaml') return small(each.path, 'kind: Platform\nversion: 2\n', 'manifest');
    return each.path === 'bundle.lock.json' ? small(each.path, '{"a":1}\n', 'metadata') : each;
  });
  expect(differenceOf(manifestOf(), manifestOf({ files: changed })).files.map(({ name }) => name)).toEqual(['manifests/platform.yaml']);
});

it('counts new content once, and does not care in which file the bytes lie', () => {
  const before = manifestOf();
  const newer = newerBundle('1.3.0', ['one']).input;
  const delta = asDelta(newer, [{ name: 'lab', version: '1.2.3', digest: digestOf('identity'), members: before.entries }]);
  expect(delta.files.length).toBeLessThan(newer.files.length);
  const full = differenceOf(before, planBundle(newer).manifest);
  expect(full.newContent).toBe(3000);
  expect(differenceOf(before, planBundle(delta).manifest)).toMatchObject({ images: [], packages: [], files: [], newContent: 3000 });
});
