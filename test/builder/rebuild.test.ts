import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildBundle, parseLock, planAgain, RebuildDiffersError, type BundleLock } from '../../src/builder/index.ts';
import { openBundle } from '../../src/bundle/index.ts';
import { digestOf } from '../../src/core/index.ts';
import { runCaisson } from '../support/run-caisson.ts';
import { fakeImage } from './fixtures.ts';
import { openWorkshop, type Workshop } from './workshop.ts';

let workshop: Workshop;
let bundle: string;
let lockPath: string;

beforeEach(async () => {
  workshop = await openWorkshop({
    images: { 'example.com/web:1': fakeImage(['base', 'web']), 'example.com/api:1': fakeImage(['base', 'api']) },
  });
  const request = workshop.request();
  await buildBundle(request, workshop.upstream);
  bundle = request.output ?? '';
  lockPath = request.lock;
});
afterEach(() => workshop.remove());

async function lock(): Promise<BundleLock> {
  return parseLock(await readFile(lockPath, 'utf8'), lockPath);
}

async function compared(with_: BundleLock, path = bundle): ReturnType<typeof planAgain> {
  const reader = await openBundle(path);
  try {
    return await planAgain(reader, with_);
  } finally {
    await reader.close();
  }
}

describe('planAgain', () => {
  it('finds that a bundle is the one that its lock gives', async () => {
    expect(await compared(await lock())).toEqual({ differences: [], isDated: false });
  });

  it('takes name, version and SOURCE_DATE_EPOCH from the bundle, and says that the time was set', async () => {
    const output = join(workshop.directory, 'dated.tar');
    const request = workshop.request({ output, name: 'other', version: '9', sourceDate: new Date('2001-02-03T04:05:06Z') });
    await buildBundle(request, workshop.upstream);
    expect(await compared(await lock(), output)).toEqual({ differences: [], isDated: true });
  });

  it('proves a delta, too', async () => {
    const output = join(workshop.directory, 'delta.tar');
    await buildBundle(workshop.request({ output, bases: [bundle], version: '2' }), workshop.upstream);
    expect(await compared(await lock(), output)).toEqual({ differences: [], isDated: false });
  });

  it.each<[string, (lock: BundleLock) => BundleLock, string, RegExp]>([
    ['an image less', (of) => ({ ...of, images: of.images.slice(1) }), 'bundle.json', /"images" are not what the lock gives/],
    ['an image less', (of) => ({ ...of, images: of.images.slice(1) }), 'index.json', /its digest is sha256:.*, the lock gives sha256:/],
    ['other text of its own', (of) => ({ ...of, images: of.images.slice(1) }), 'bundle.lock.json', /its digest is/],
    ['no packages', (of) => ({ ...of, operatingSystems: [] }), 'bundle.json', /"repositories" are not/],
    [
      'another executable',
      (of) => ({ ...of, executables: of.executables.map((each) => ({ ...each, digest: digestOf('x') })) }),
      'caisson-linux-amd64',
      new RegExp(`the lock gives ${digestOf('x')}`),
    ],
    [
      'a file that the bundle does not carry',
      (of) => ({ ...of, files: [...of.files, { path: 'manifests/more.yaml', digest: digestOf('x'), size: 1 }] }),
      'manifests/more.yaml',
      /the lock has it, the bundle does not/,
    ],
    [
      'another images.txt',
      (of) => ({ ...of, files: of.files.map((each) => (each.path === 'images.txt' ? { ...each, digest: digestOf('x') } : each)) }),
      'images.txt',
      /the lock has it with sha256:2d71.* the bundle with sha256:/,
    ],
    [
      'a file less',
      (of) => ({ ...of, files: of.files.filter(({ path }) => path !== 'images.txt') }),
      'images.txt',
      /the bundle has it, the lock does not give it/,
    ],
  ])('names what a lock with %s gives otherwise', async (_, change, member, reason) => {
    const { differences } = await compared(change(await lock()));
    expect(differences).toContainEqual({ member, reason: expect.stringMatching(reason) });
  });
});

describe('caisson verify --rebuild', () => {
  it('says that the bundle is what the lock gives, with status 0', async () => {
    expect(await runCaisson(['verify', '--rebuild', lockPath, bundle])).toMatchObject({
      status: 0,
      out: expect.stringMatching(/is whole[\s\S]*it is what ".*bundle\.lock\.json" gives, byte for byte\n/),
    });
  });

  it('ends with status 4 and every difference for another lock', async () => {
    const other = join(workshop.directory, 'other.lock.json');
    await writeFile(other, (await readFile(lockPath, 'utf8')).replaceAll('example.com/web:1', 'example.com/web:2'));
    const { status, err } = await runCaisson(['verify', '--rebuild', other, bundle]);
    expect({ status, err }).toMatchObject({
      status: 4,
      err: expect.stringMatching(/REBUILD_DIFFERS: [\s\S]*bundle\.lock\.json: its digest is/),
    });
    expect(new RebuildDiffersError('b', 'l', []).data).toEqual({ differences: [] });
  });

  it('judges the bytes first: a damaged bundle is damaged, whatever the lock says', async () => {
    const damaged = join(workshop.directory, 'damaged.tar');
    await copyFile(bundle, damaged);
    const bytes = await readFile(damaged);
    bytes.writeUInt8((bytes.at(-3000) ?? 0) ^ 1, bytes.byteLength - 3000);
    await writeFile(damaged, bytes);
    expect(await runCaisson(['verify', '--rebuild', lockPath, damaged])).toMatchObject({
      status: 4,
      err: expect.stringContaining('BUNDLE_DAMAGED'),
    });
  });

  it('says that there is no such lock', async () => {
    expect(await runCaisson(['verify', '--rebuild', '/no/lock', bundle])).toMatchObject({
      status: 3,
      err: expect.stringContaining('/no/lock'),
    });
  });
});
