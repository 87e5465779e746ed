import { describe, expect, it } from 'vitest';
import { blobPath, planBundle, type BundleInput, type PlannedFile } from '../../../src/bundle/index.ts';
import { digestOf } from '../../../src/core/index.ts';
import { small, smallBundle } from '../../support/small-bundle.ts';
import { assert, boolean, property, shuffledSubarray } from '../../support/fast-check.ts';

function problemsOf(changes: Partial<BundleInput>): readonly string[] {
  try {
    planBundle(smallBundle(changes).input);
    return [];
  } catch (error) {
    if (typeof error !== 'object' || error === null || !('problems' in error) || !Array.isArray(error.problems)) throw error;
    return error.problems.map(({ member, reason }: { member: string; reason: string }) => `${member}: ${reason}`);
  }
}

function textOf(path: string, input = smallBundle().input): string {
  return Buffer.from(planBundle(input).members.find((member) => member.path === path)?.content ?? []).toString('utf8');
}

describe('planBundle', () => {
  const { input } = smallBundle();
  const plan = planBundle(input);
  const paths = plan.members.map(({ path }) => path);

  it('orders members: generated ones, small files, packages, blobs, each by path', () => {
    expect(paths.slice(0, 5)).toEqual(['bundle.json', 'SHA256SUMS', 'oci-layout', 'index.json', 'manifest.json']);
    const files = paths.slice(5);
    const packages = files.filter((path) => path.includes('/pool/'));
    const blobs = files.filter((path) => path.startsWith('blobs/'));
    const others = files.slice(0, files.length - packages.length - blobs.length);
    expect(files).toEqual([...others.toSorted(), ...packages.toSorted(), ...blobs.toSorted()]);
    expect(others).toContain('caisson');
  });

  it('gives the same file for the same members in another order', () => {
    assert(
      property(shuffledSubarray([...input.files], { minLength: input.files.length }), boolean(), (files, reverse) => {
        const images = reverse ? input.images.toReversed() : input.images;
        const other = planBundle({ ...input, files, images });
        expect(other.bundleDigest).toBe(plan.bundleDigest);
        expect(other.members).toEqual(plan.members);
      }),
      { numRuns: 25 },
    );
  });

  it('cuts the date to seconds, so that it fits a tar header', () => {
    const later = planBundle({ ...input, date: new Date(input.date.getTime() + 999) });
    expect(later.bundleDigest).toBe(plan.bundleDigest);
    expect(later.manifest.date).toBe('2026-03-04T05:06:07Z');
  });

  it('gives another identity to every change', () => {
    const changes: readonly Partial<BundleInput>[] = [
      { name: 'other' },
      { version: '1.2.4' },
      { date: new Date(0) },
      { images: input.images.slice(1) },
      { repositories: [] },
      { files: [...input.files, small('extra', 'x', 'document')] },
    ];
    const digests = changes.map((change) => planBundle({ ...input, ...change }).bundleDigest);
    expect(new Set([...digests, plan.bundleDigest]).size).toBe(changes.length + 1);
  });

  it('lists every member but bundle.json and SHA256SUMS, with the offset it has', () => {
    expect(plan.manifest.entries.map(({ path, offset }) => [path, offset])).toEqual(
      plan.members.slice(2).map(({ path, offset }) => [path, offset]),
    );
  });

  it('pads bundle.json to whole steps, and counts its own size in the offsets', () => {
    const many = Array.from({ length: 400 }, (_, index) => small(`documents/${index}`, `${index}`, 'document'));
    const large = planBundle({ ...input, files: [...input.files, ...many] });
    const json = large.members[0];
    expect((json?.size ?? 1) % 4096).toBe(0);
    expect(JSON.parse(Buffer.from(json?.content ?? []).toString('utf8'))).toEqual(large.manifest);
    expect(large.members[1]?.headerOffset).toBe(512 + (json?.size ?? 0));
  });

  it('has a line for every other member in SHA256SUMS', () => {
    const sums = textOf('SHA256SUMS').trimEnd().split('\n');
    expect(sums.map((line) => line.slice(66))).toEqual(paths.filter((path) => path !== 'SHA256SUMS'));
    expect(sums.map((line) => `sha256:${line.slice(0, 64)}`)).toEqual(
      plan.members.filter(({ path }) => path !== 'SHA256SUMS').map(({ digest }) => digest),
    );
  });

  it('names every image twice in index.json, by its full name', () => {
    const index = JSON.parse(textOf('index.json'));
    expect(index.manifests.map((item: { annotations: object }) => item.annotations)).toEqual(
      [
        'docker.io/library/alpha:1.0',
        'docker.io/library/alpha:stable',
        'docker.io/library/beta:latest',
        'registry.example/team/gamma:v3',
      ].map((name) => ({ 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': name })),
    );
  });

  it('lists the images of the first platform in manifest.json, names of one image together', () => {
    const items = JSON.parse(textOf('manifest.json'));
    expect(items.map((item: { RepoTags: string[] }) => item.RepoTags)).toEqual([
      ['docker.io/library/alpha:1.0', 'docker.io/library/alpha:stable'],
      ['docker.io/library/beta:latest'],
      ['registry.example/team/gamma:v3'],
    ]);
    const arm = JSON.parse(textOf('manifest.json', { ...input, platforms: ['linux/arm64', 'linux/amd64'] }));
    expect(arm.map((item: { RepoTags: string[] }) => item.RepoTags)).toEqual([['registry.example/team/gamma:v3']]);
    expect(items[0].Layers.every((path: string) => paths.includes(path))).toBe(true);
  });

  it('leaves what is no runnable image out of manifest.json', () => {
    const [image] = input.images;
    const chart = {
      ...input.images[1],
      name: 'registry.example/chart:1',
      platforms: (input.images[1]?.platforms ?? []).map((item) => ({
        ...item,
        config: { ...item.config, mediaType: 'application/vnd.cncf.helm.config.v1+json' },
      })),
    };
    if (image === undefined || chart.root === undefined || chart.source === undefined) throw new Error('the small bundle has images');
    const items = JSON.parse(textOf('manifest.json', { ...input, images: [image, { ...chart, root: chart.root, source: chart.source }] }));
    expect(items).toHaveLength(1);
  });

  const bytes = Buffer.from('x');
  const blob: PlannedFile = { path: blobPath(digestOf(bytes)), kind: 'blob', size: 1, digest: digestOf(bytes), mode: 0o644, origin: 'x' };
  const add = (...files: readonly PlannedFile[]): Partial<BundleInput> => ({ files: [...input.files, ...files] });

  it.each<[string, Partial<BundleInput>, RegExp]>([
    ['a path twice', add(small('a', 'x', 'document'), small('a', 'x', 'document')), /^a: it is listed more than once$/],
    ['a path that a generated member has', add(small('index.json', 'x', 'document')), /^index.json: it is listed more than once$/],
    ['the name of the list of digests', add(small('SHA256SUMS', 'x', 'document')), /^SHA256SUMS: .*reserved$/],
    ['the name of the document of the bundle itself', add(small('bundle.json', 'x', 'document')), /^bundle.json: .*reserved$/],
    ['a path kept for later', add(small('SHA256SUMS.sig', 'x', 'document')), /^SHA256SUMS.sig: .*reserved$/],
    ['a path that leaves the directory', add(small('../a', 'x', 'document')), /^..\/a: its path is not safe/],
    ['an absolute path', add(small('/etc/passwd', 'x', 'document')), /its path is not safe: it is absolute/],
    ['a path with a space', add(small('a b', 'x', 'document')), /^a b: its path has characters other/],
    ['a path outside ASCII', add(small('käse', 'x', 'document')), /^käse: its path has characters other/],
    ['a path that is too long', add(small('a/'.repeat(600), 'x', 'document')), /too long|not safe/],
    [
      'a file where a directory is needed',
      add(small('caisson/x', 'x', 'document')),
      /^caisson: it is a file, and "caisson\/x" needs it to be a directory$/,
    ],
    ['a mode other than 644 and 755', add({ ...small('a', 'x', 'document'), mode: 0o4755 }), /^a: its mode 4755 is neither/],
    ['a negative size', add({ ...blob, size: -1 }), /its size -1 is not a number of bytes/],
    ['a blob under another name', add({ ...blob, path: `blobs/sha256/${'0'.repeat(64)}` }), /would have to be "blobs\/sha256\/2d71/],
    ['a file among the blobs', add({ ...small('blobs/readme', 'x', 'document') }), /only blobs lie under blobs/],
    ['content that is not what is planned', add({ ...small('a', 'x', 'document'), size: 2 }), /^a: its content has 1 bytes/],
    [
      'an image without its blobs',
      { files: input.files.filter(({ kind }) => kind !== 'blob') },
      /it is missing, and image "docker.io\/library\/alpha:1.0" needs it/,
    ],
    [
      'a name of two images',
      { images: [...input.images, ...input.images.slice(1, 2)] },
      /image "docker.io\/library\/alpha:1.0" is listed more than once/,
    ],
    ['a package that is not there', { files: input.files.filter(({ kind }) => kind !== 'package') }, /repository "debian-12" lists it/],
    ['no platform', { platforms: [] }, /platforms/],
    ['a platform that is none', { platforms: ['amd64'] }, /platforms.0: is not os\/architecture/],
    ['a name that cannot be part of a file name', { name: '../x' }, /name: is not letters/],
    ['a date before 1970', { date: new Date(-1000) }, /date: is not a UTC time/],
  ])('refuses %s', (_, changes, expected) => {
    expect(problemsOf(changes).join('\n')).toMatch(new RegExp(expected.source, 'm'));
  });

  const base = { name: 'lab', version: '1.0', digest: digestOf('base') };
  const held = { path: blob.path, kind: 'blob', size: 1, digest: blob.digest, mode: 0o644, origin: 'x', base: base.digest } as const;

  it.each<[string, Partial<BundleInput>, readonly string[]]>([
    ['what lies in a base', { bases: [base], baseEntries: [held] }, []],
    ['a base that is listed twice', { bases: [base, base], baseEntries: [held] }, ['(bundle): a base is listed more than once']],
    ['a base in which nothing lies', { bases: [base] }, [`(bundle): base ${base.digest} is listed, and nothing lies in it`]],
    [
      'a base that is not listed',
      { baseEntries: [held] },
      [`${blob.path}: it is said to lie in bundle ${base.digest}, which is not listed as a base`],
    ],
    [
      'what no base may hold',
      { bases: [base], baseEntries: [{ ...held, path: 'a', kind: 'document' }] },
      ['a: it is of kind "document", which no delta leaves to a base'],
    ],
    [
      'what is in the file and in a base',
      { ...add(blob), bases: [base], baseEntries: [held] },
      [`${blob.path}: it is listed more than once`],
    ],
  ])('says of %s only what is wrong with it', (_, changes, expected) => {
    expect(problemsOf(changes)).toEqual(expected);
  });

  it('says how a blob and the image that needs it differ in size', () => {
    const [image, ...others] = input.images;
    if (image === undefined) throw new Error('the small bundle has images');
    const larger = { ...image, root: { ...image.root, size: image.root.size + 1 } };
    expect(problemsOf({ images: [larger, ...others] })).toEqual([
      `${blobPath(image.root.digest)}: it has ${image.root.size} bytes, and image "${image.name}" says ${image.root.size + 1}`,
    ]);
  });

  it('tells all problems at once', () => {
    expect(problemsOf(add(small('../a', 'x', 'document'), small('b c', 'x', 'document'))).length).toBeGreaterThanOrEqual(2);
    expect(() => planBundle({ ...input, ...add(small('../a', 'x', 'document')) })).toThrow(
      expect.objectContaining({ code: 'BUNDLE_PLAN_INVALID', exitStatus: 3 }),
    );
  });
});

describe('members of kind file', () => {
  const planWith = (...files: PlannedFile[]) => {
    const { input } = smallBundle();
    return planBundle({ ...input, files: [...input.files, ...files] });
  };
  const file = (path: string): PlannedFile => small(path, `content of ${path}`, 'file');

  it('make a bundle of version 2, and lie between packages and blobs', () => {
    const { manifest, members } = planWith(file('files/b'), file('files/a/c'));
    expect(manifest.apiVersion).toBe('caisson.bundle/v2');
    expect(planBundle(smallBundle().input).manifest.apiVersion).toBe('caisson.bundle/v1');
    const kinds = members.map(({ kind }) => kind).filter((kind, index, all) => kind !== all[index - 1]);
    expect(kinds.slice(-3)).toEqual(['package', 'file', 'blob']);
    expect(members.filter(({ kind }) => kind === 'file').map(({ path }) => path)).toEqual(['files/a/c', 'files/b']);
  });

  it.each([
    ['documents/x', 'it is of kind "file", and would have to lie under files/'],
    ['files/bundle.json', 'it is served as "bundle.json", and the bundle has another member of that path'],
    ['files/SHA256SUMS.2.sig', 'it is served as "SHA256SUMS.2.sig"'],
    ['files/manifests/platform.yaml', 'it is served as "manifests/platform.yaml"'],
  ])('are refused as %s', (path, reason) => {
    expect(() => planWith(file(path))).toThrow(reason);
  });
});
