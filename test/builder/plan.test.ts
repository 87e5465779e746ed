import { describe, expect, it } from 'vitest';
import { digestOf, hexOf } from '../../src/core/index.ts';
import { planBuild } from '../../src/builder/plan.ts';
import { fakeImage, lockedImage, lockedPackage, sampleLock } from './fixtures.ts';

const facts = {
  name: 'demo',
  version: '1.0',
  date: new Date('2026-01-02T03:04:05Z'),
  files: [{ path: 'images.txt', content: Buffer.from('list') }],
};

function blobPathOf(content: string): string {
  return `blobs/sha256/${hexOf(digestOf(content))}`;
}

describe('planBuild', () => {
  it('lists the lock, the files of the user, the executable, the repository and the blobs', () => {
    const paths = planBuild(sampleLock(), facts).input.files.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining([
        'bundle.lock.json',
        'images.txt',
        'caisson-linux-amd64',
        'apt/debian-12/dists/bookworm/Release',
        'apt/debian-12/dists/bookworm/main/binary-amd64/Packages',
        'apt/debian-12/pool/main/h/hello/hello_1.0_amd64.deb',
        blobPathOf('base'),
      ]),
    );
  });

  it('writes the very repository and SBOM that versions before it wrote', () => {
    const { input } = planBuild(sampleLock(), { ...facts, files: [] });
    const digests = input.files.filter(({ path, kind }) => kind === 'repository' || path === 'sbom.cdx.json').map(({ digest }) => digest);
    expect([digestOf(JSON.stringify(input.repositories)), ...digests]).toEqual([
      'sha256:25eec0a5bb7706b85be74f1ea0c16a4ff5e628e0fe6d2e95c4ec89c76a219922',
      'sha256:9776861627bc979f9a083b0bcabe4c805e1b6befde2efd7dbbfc85684d75bfa3',
      'sha256:4ed21fd919fd7b0537af33bb5f5b605c902092aa7c1890be7a86989066bee7cd',
      'sha256:f968674ce2be75e136aa9a1649ff8c42de3255adf6c67634c13eb06fb4dfccb7',
      'sha256:830d40060dbd4853ad34b4359d2486ae8a365c65d96cf93fa249715d7cce6ae1',
    ]);
  });

  it('lists a layer that images share once and knows both places to get it', () => {
    const { input, origins } = planBuild(sampleLock(), facts);
    expect(input.files.filter(({ path }) => path === blobPathOf('base'))).toMatchObject([
      { origin: expect.stringMatching(/^example.com\/api:1@sha256:/) },
    ]);
    expect(origins.get(blobPathOf('base'))?.map((origin) => origin.kind === 'image' && origin.source)).toEqual([
      'example.com/api:1',
      'example.com/web:1',
    ]);
  });

  it('has an origin for every file without content, and for no other', () => {
    const { input, origins } = planBuild(sampleLock(), facts);
    const withoutContent = input.files.filter(({ content }) => content === undefined).map(({ path }) => path);
    expect([...origins.keys()].toSorted()).toEqual(withoutContent.toSorted());
  });

  it('keeps the index of an image for several platforms', () => {
    const platforms = ['linux/amd64', 'linux/arm64'];
    const image = lockedImage('example.com/web:1', 'example.com/web:1', fakeImage(['base'], platforms));
    const { input } = planBuild(sampleLock({ images: [image], platforms }), facts);
    const paths = input.files.map(({ path }) => path);
    expect(image.documents).toHaveLength(3);
    for (const { digest } of image.documents) expect(paths).toContain(`blobs/sha256/${hexOf(digest)}`);
    expect(input.images).toMatchObject([{ name: 'example.com/web:1', root: { digest: image.root.digest } }]);
  });

  it('makes one repository for all architectures, with packages for all of them once', () => {
    const [os] = sampleLock().operatingSystems;
    if (os === undefined) throw new Error('the sample has an operating system');
    const shared = lockedPackage('tzdata', 'the same everywhere', 'all');
    const lock = sampleLock({
      operatingSystems: [
        { ...os, packages: [lockedPackage('hello', 'amd64 bytes'), shared] },
        { ...os, architecture: 'arm64', packages: [lockedPackage('hello', 'arm64 bytes', 'arm64'), { ...shared, sets: ['base'] }] },
      ],
    });
    const { input } = planBuild(lock, facts);
    expect(input.repositories).toMatchObject([{ id: 'debian-12', path: 'apt/debian-12', architectures: ['amd64', 'arm64'] }]);
    expect(input.repositories[0]?.packages.map(({ name, architecture, set }) => [name, architecture, set])).toEqual([
      ['hello', 'amd64', ['tools']],
      ['hello', 'arm64', ['tools']],
      ['tzdata', 'all', ['base', 'tools']],
    ]);
  });

  it('dates the repository by the content, not by the clock', () => {
    const release = planBuild(sampleLock(), facts).input.files.find(({ path }) => path.endsWith('/Release'));
    expect(Buffer.from(release?.content ?? []).toString()).toContain('Date: Fri, 02 Jan 2026 03:04:05 UTC\n');
  });

  it('passes on two different files for one place, so that the bundle refuses them', () => {
    const files = [...facts.files, { path: 'images.txt', content: Buffer.from('another') }];
    expect(planBuild(sampleLock(), { ...facts, files }).input.files.filter(({ path }) => path === 'images.txt')).toHaveLength(2);
  });
});
