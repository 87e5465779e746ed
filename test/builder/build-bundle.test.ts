import { existsSync } from 'node:fs';
import { chmod, cp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { CaissonError, digestOf, fixedClock, type Event } from '../../src/core/index.ts';
import { openBundle, verifyBundle } from '../../src/bundle/index.ts';
import { buildBundle, type BuildRequest } from '../../src/builder/build-bundle.ts';
import { sourceDate } from '../../src/builder/content-date.ts';
import { readLock } from '../../src/builder/lock.ts';
import { planReport } from '../../src/builder/plan-report.ts';
import { HttpClient } from '../../src/net/index.ts';
import { RegistrySource } from '../../src/sources/registry-source.ts';
import { freePort } from '../support/free-port.ts';
import { fakeImage } from './fixtures.ts';
import { openWorkshop, packageFiles, type Workshop, type WorkshopOptions } from './workshop.ts';

const web = fakeImage(['base', 'web']);
const api = fakeImage(['base', 'api']);
const both = ['linux/amd64', 'linux/arm64'] as const;
const amd64AndArm64 = [
  { os: 'linux', architecture: 'amd64' },
  { os: 'linux', architecture: 'arm64' },
];

const workshops: Workshop[] = [];
async function workshop(options: Partial<WorkshopOptions> = {}): Promise<Workshop> {
  const opened = await openWorkshop({ images: { 'example.com/web:1': web, 'example.com/api:1': api }, ...options });
  workshops.push(opened);
  return opened;
}
afterEach(async () => {
  await Promise.all(workshops.splice(0).map((opened) => opened.remove()));
});

async function outputOf(request: BuildRequest): Promise<Buffer> {
  return readFile(request.output ?? '');
}

/** Everything in the directory of the output. */
async function leftBeside(request: BuildRequest): Promise<string[]> {
  return readdir(dirname(request.output ?? '')).catch(() => []);
}

describe('a lock that was edited', () => {
  it('is refused where a host could not install a set from the repository in the bundle, before anything is fetched', async () => {
    const { request, upstream } = await workshop();
    await buildBundle(request(), upstream);
    const { lock, output } = request();
    const text = await readFile(lock, 'utf8');
    const edited = JSON.parse(text) as { operatingSystems: { packages: { name: string }[] }[] };
    for (const system of edited.operatingSystems) system.packages = system.packages.filter(({ name }) => name !== 'hello');
    await writeFile(lock, JSON.stringify(edited, undefined, 2));
    await rm(output ?? '');
    await expect(buildBundle(request({ frozen: true }), upstream)).rejects.toMatchObject({
      code: 'PACKAGE_UNSOLVABLE',
      message: expect.stringContaining('"hello"'),
      hint: expect.stringContaining('build-bundle --update debian-12'),
    });
    expect(existsSync(output ?? '')).toBe(false);
  });
});

describe('buildBundle', () => {
  it('makes a bundle that verifies, with images, packages, lock, manifests and executable', async () => {
    const { request, upstream } = await workshop();
    const result = await buildBundle(request(), upstream);
    expect(result.outcome).toBe('built');
    const report = await verifyBundle(result.output);
    expect(report.findings).toEqual([]);
    const bundle = await openBundle(result.output);
    const { manifest } = bundle;
    await bundle.close();
    expect(manifest).toMatchObject({ name: 'demo', version: '1.0', platforms: ['linux/amd64'], date: '2026-01-02T03:04:05Z' });
    expect(manifest.images.map(({ name }) => name)).toEqual(['example.com/api:1', 'example.com/web:1']);
    expect(manifest.repositories[0]?.packages.map(({ name }) => name)).toEqual(['hello']);
    expect(manifest.entries.map(({ path }) => path)).toEqual(
      expect.arrayContaining([
        'bundle.lock.json',
        'caisson-linux-amd64',
        'images.txt',
        'manifests/platform.yaml',
        'manifests/os/keys/archive.asc',
      ]),
    );
  });

  it('cuts the bundle into volumes of the same bytes, and finds them there again', async () => {
    const { request, upstream, images } = await workshop();
    await buildBundle(request(), upstream);
    const whole = await outputOf(request());
    await rm(request().output ?? '');
    const cut = request({ volumeSize: Math.ceil(whole.length / 3) });
    const planned = await buildBundle({ ...cut, planOnly: true }, upstream);
    const result = await buildBundle(cut, upstream);
    expect(result).toMatchObject({ outcome: 'built', output: cut.output, files: planned.files });
    expect(result.files).toEqual([1, 2, 3].map((number) => `${cut.output}.00${number}`));
    expect(planReport(result, upstream).files).toEqual(result.files);
    expect(Buffer.concat(await Promise.all(result.files.map((path) => readFile(path)))).equals(whole)).toBe(true);
    expect((await verifyBundle(result.files)).findings).toEqual([]);
    const opened = images.opened.length;
    expect(await buildBundle(cut, upstream)).toMatchObject({ outcome: 'unchanged', files: result.files });
    expect(images.opened).toHaveLength(opened);
    await rm(result.files[2] ?? '');
    await expect(buildBundle(cut, upstream)).rejects.toMatchObject({ code: 'BUNDLE_EXISTS' });
    await expect(buildBundle({ ...cut, volumeSize: 1 }, upstream)).rejects.toMatchObject({ code: 'SIZE_INVALID' });
  });

  it('puts the executable beside the bundle, ready to run, whatever the umask and the mode of the source', async () => {
    const { directory, request, upstream } = await workshop();
    await chmod(join(directory, 'caisson-linux-amd64'), 0o600);
    const { executables } = await buildBundle(request(), upstream);
    expect(executables).toEqual([join(directory, 'out/caisson-linux-amd64')]);
    expect((await stat(executables[0] ?? '')).mode & 0o777).toBe(0o755);
    expect(await readFile(executables[0] ?? '', 'utf8')).toBe('executable for amd64');
  });

  it('downloads a layer that images share once', async () => {
    const { images, request, upstream } = await workshop();
    await buildBundle(request(), upstream);
    expect(images.opened.filter((digest) => digest === digestOf('base'))).toHaveLength(1);
    expect(new Set(images.opened).size).toBe(images.opened.length);
  });

  it('takes a shared layer from the other image when the first does not give it', async () => {
    const { images, request, upstream } = await workshop();
    const broken = new Map(api.blobs);
    broken.delete(digestOf('base'));
    images.images.set('example.com/api:1', { ...api, blobs: broken });
    expect((await buildBundle(request(), upstream)).outcome).toBe('built');
  });

  it('gives the same bytes in another directory, with other concurrency and another order of downloads', async () => {
    const images = Object.fromEntries(
      Array.from({ length: 6 }, (_, index) => [`example.com/app${index}:1`, fakeImage(['base', `layer ${index}`], both)]),
    );
    const [one, two] = [await workshop({ images }), await workshop({ images })];
    two.images.beforeOpen = (_, { digest }) => sleep(Number.parseInt(digest.slice(-1), 16));
    await two.write(
      'images.txt',
      Object.keys(images)
        .toReversed()
        .map((name) => `${name}\n`)
        .join(''),
    );
    await one.write(
      'images.txt',
      Object.keys(images)
        .toReversed()
        .map((name) => `${name}\n`)
        .join(''),
    );
    const first = one.request({ jobs: 1, platforms: amd64AndArm64 });
    const second = two.request({ jobs: 8, platforms: amd64AndArm64 });
    await buildBundle(first, one.upstream);
    await buildBundle(second, { ...two.upstream, clock: fixedClock(new Date('2026-01-05T12:00:00Z')) });
    expect(digestOf(await outputOf(second))).toBe(digestOf(await outputOf(first)));
  });

  it('dates everything by SOURCE_DATE_EPOCH when that is set', async () => {
    const { request, upstream } = await workshop();
    const { plan } = await buildBundle(request({ sourceDate: sourceDate('1700000000') }), upstream);
    expect(plan.manifest.date).toBe('2023-11-14T22:13:20Z');
    const bytes = await outputOf(request());
    expect(bytes.includes('Date: Tue, 14 Nov 2023 22:13:20 UTC')).toBe(true);
  });

  it('names the bundle by name, version and platform unless told otherwise', async () => {
    const { request, upstream } = await workshop({ images: { 'example.com/web:1': fakeImage(['base'], both) } });
    const { output } = await buildBundle(
      request({ output: undefined, version: '2.0', planOnly: true, platforms: amd64AndArm64 }),
      upstream,
    );
    expect(output).toBe(join('bundles', 'demo-2.0-linux-amd64_linux-arm64.tar'));
  });

  it('says that a finished bundle is unchanged without asking the network anything', async () => {
    const { images, fetched, request, upstream } = await workshop();
    await buildBundle(request(), upstream);
    const before = await stat(request().output ?? '');
    images.opened.length = images.resolvedReferences.length = fetched.length = 0;
    const result = await buildBundle(request(), upstream);
    expect(result).toMatchObject({ outcome: 'unchanged', lockWritten: false });
    expect([images.opened, images.resolvedReferences, fetched]).toEqual([[], [], []]);
    expect((await stat(request().output ?? '')).mtimeMs).toBe(before.mtimeMs);
  });

  it('does not touch another file that has the name of the bundle', async () => {
    const { directory, request, upstream, write } = await workshop();
    await write('out/demo.tar', 'precious');
    await expect(buildBundle(request(), upstream)).rejects.toMatchObject({ code: 'BUNDLE_EXISTS' });
    expect(await readFile(join(directory, 'out/demo.tar'), 'utf8')).toBe('precious');
  });
});

describe('buildBundle with a plan only', () => {
  it('says what would be downloaded and from where, and changes nothing', async () => {
    const { directory, images, request, upstream } = await workshop();
    const before = (await readdir(directory)).toSorted();
    const result = await buildBundle(request({ planOnly: true }), upstream);
    const report = planReport(result, upstream);
    expect(report.images).toMatchObject([{ name: 'example.com/api:1', from: 'memory://example.com/api:1' }, { name: 'example.com/web:1' }]);
    expect(report.repositories).toMatchObject([
      { id: 'debian-12', packages: 1, size: 'the hello package'.length, from: ['http://packages.example/debian'] },
    ]);
    expect(report.download).toBeGreaterThan(0);
    expect(report.size).toBeGreaterThan(report.download);
    expect(images.opened).toEqual([]);
    expect((await readdir(directory)).toSorted()).toEqual(before);
  });
});

describe('the lock of a build', () => {
  it('keeps what is unchanged and asks only for a new image', async () => {
    const { images, fetched, request, upstream, write } = await workshop();
    await buildBundle(request(), upstream);
    images.images.set('example.com/new:1', fakeImage(['base', 'new']));
    images.resolvedReferences.length = fetched.length = 0;
    await write('images.txt', 'example.com/web:1\nexample.com/new:1\n');
    const { lock } = await buildBundle(request({ output: request().output?.replace('demo', 'second') }), upstream);
    expect(images.resolvedReferences).toEqual(['example.com/new:1']);
    expect(fetched.filter((url) => url.includes('/dists/'))).toEqual([]);
    expect(lock.images.map(({ name }) => name).toSorted()).toEqual(['example.com/new:1', 'example.com/web:1']);
  });

  it('pins a tag that moves, until --update', async () => {
    const { images, request, upstream } = await workshop();
    await buildBundle(request(), upstream);
    const moved = fakeImage(['base', 'web, second edition']);
    images.images.set('example.com/web:1', moved);
    const rootOf = async (update: boolean): Promise<string | undefined> => {
      const { lock } = await buildBundle(request({ update, planOnly: true }), upstream);
      return lock.images.find(({ name }) => name === 'example.com/web:1')?.root.digest;
    };
    expect(await rootOf(false)).toBe(web.resolved.root.digest);
    expect(await rootOf(true)).toBe(moved.resolved.root.digest);
  });

  it('resolves again with --update NAME what is named, keeps all else, and tells what changed', async () => {
    const { images, fetched, request, upstream } = await workshop();
    await buildBundle(request(), upstream);
    const moved = fakeImage(['base', 'web, second edition']);
    images.images.set('example.com/web:1', moved);
    images.resolvedReferences.length = fetched.length = 0;
    const { changes, lock } = await buildBundle(request({ update: ['web:1'], planOnly: true }), upstream);
    expect(images.resolvedReferences).toEqual(['example.com/web:1']);
    expect(fetched).toEqual([]);
    expect(changes).toMatchObject([{ kind: 'image', name: 'example.com/web:1', notes: ['moved tag'] }]);
    expect(lock.images.find(({ name }) => name === 'example.com/web:1')?.root.digest).toBe(moved.resolved.root.digest);

    images.resolvedReferences.length = 0;
    for (const name of ['hello', 'debian-12']) {
      fetched.length = 0;
      expect((await buildBundle(request({ update: [name], planOnly: true }), upstream)).changes).toEqual([]);
      expect(fetched.filter((url) => url.includes('/dists/'))).not.toEqual([]);
    }
    expect(images.resolvedReferences).toEqual([]);
  });

  it('moves one package with --update NAME, and holds all others', async () => {
    const { files, request, upstream } = await workshop({ packages: { hello: 'hello', more: 'more' } });
    await buildBundle(request(), upstream);
    const newer = await packageFiles({ hello: 'hello', more: 'more' }, { also: { hello: '2.0', more: '2.0' } });
    for (const [url, content] of newer) files.set(url, content);
    const versions = async (update: BuildRequest['update']): Promise<readonly string[]> => {
      const { lock } = await buildBundle(request({ update, planOnly: true }), upstream);
      return lock.operatingSystems[0]?.packages.map(({ name, version }) => `${name} ${version}`) ?? [];
    };
    expect(await versions(false)).toEqual(['hello 1.0', 'more 1.0']);
    expect(await versions(['more'])).toEqual(['hello 1.0', 'more 2.0']);
    expect(await versions(true)).toEqual(['hello 2.0', 'more 2.0']);
  });

  it('refuses --update of what the lock does not have, and without a lock', async () => {
    const { request, upstream } = await workshop();
    await expect(buildBundle(request({ update: ['web:1'] }), upstream)).rejects.toThrow('there is no lock at');
    await buildBundle(request(), upstream);
    await expect(buildBundle(request({ update: ['helo'] }), upstream)).rejects.toMatchObject({
      code: 'USAGE',
      message: 'Cannot update "helo": the lock has no image, file, operating system or package of this name',
      hint: expect.stringContaining('did you mean "hello"?'),
    });
  });

  it('tells the changes against another lock or a bundle', async () => {
    const { directory, images, request, upstream } = await workshop();
    const first = await buildBundle(request(), upstream);
    expect(first.changes).toBeUndefined();
    await cp(request().lock, join(directory, 'first.json'));
    images.images.set('example.com/web:1', fakeImage(['base', 'web, second edition']));
    await buildBundle(request({ update: true, output: join(directory, 'out/second.tar') }), upstream);
    const against = async (path: string) => (await buildBundle(request({ against: path, planOnly: true }), upstream)).changes;
    expect(await against(join(directory, 'first.json'))).toMatchObject([{ name: 'example.com/web:1' }]);
    expect(await against(first.output)).toMatchObject([{ name: 'example.com/web:1' }]);
    expect(await against(join(directory, 'out/second.tar'))).toEqual([]);
    await expect(against(join(directory, 'none.json'))).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' });
  });

  it('solves packages again when a set changes', async () => {
    const { directory, request, upstream, write } = await workshop({
      packages: { hello: 'the hello package', more: 'more' },
      asked: ['hello'],
    });
    await buildBundle(request(), upstream);
    const manifest = await readFile(join(directory, 'manifests/os/debian-12.yaml'), 'utf8');
    await write('manifests/os/debian-12.yaml', manifest.replace('packages: [hello]', 'packages: [hello, more]'));
    const { lock } = await buildBundle(request({ planOnly: true }), upstream);
    expect(lock.operatingSystems[0]?.packages.map(({ name }) => name)).toEqual(['hello', 'more']);
  });

  it('is inside the bundle as it is on disk, and holds no address of a mirror', async () => {
    const { request, upstream } = await workshop();
    await buildBundle(request(), upstream);
    const text = await readFile(request().lock, 'utf8');
    expect((await outputOf(request())).includes(text)).toBe(true);
    expect(text).not.toContain('memory://');
  });
});

describe('a line of images.txt with platforms', () => {
  const list = async (write: Workshop['write'], platforms: string): Promise<void> =>
    write('images.txt', `example.com/web:1 platforms=${platforms}\nexample.com/both:1\n`);
  const images = { 'example.com/web:1': web, 'example.com/both:1': fakeImage(['both'], both) };

  it('brings its image for these alone, and the others for all', async () => {
    const { request, upstream, write } = await workshop({ images });
    await list(write, 'linux/amd64');
    const { lock, plan } = await buildBundle(request({ platforms: amd64AndArm64 }), upstream);
    expect(lock.images.map(({ name, platforms }) => [name, platforms])).toEqual([
      ['example.com/both:1', [...both]],
      ['example.com/web:1', ['linux/amd64']],
    ]);
    expect(plan.manifest.images.map((image) => image.platforms.map(({ platform }) => platform))).toEqual([[...both], ['linux/amd64']]);
    const planned = await buildBundle(request({ platforms: amd64AndArm64, planOnly: true }), upstream);
    expect(planReport(planned, upstream).images.map(({ platforms }) => platforms)).toEqual([[...both], ['linux/amd64']]);
    const again = await buildBundle(request({ platforms: amd64AndArm64, frozen: true }), upstream);
    expect(again.outcome).toBe('unchanged');
    await list(write, 'linux/amd64,linux/arm64');
    await expect(buildBundle(request({ platforms: amd64AndArm64, frozen: true }), upstream)).rejects.toThrow(
      'image "example.com/web:1" is asked for linux/amd64, linux/arm64, locked for linux/amd64',
    );
  });

  it('leaves its image out of a build for others', async () => {
    const { request, upstream, write } = await workshop({ images });
    await list(write, 'linux/arm64');
    const { lock } = await buildBundle(request(), upstream);
    expect(lock.images.map(({ name }) => name)).toEqual(['example.com/both:1']);
  });
});

describe('buildBundle --frozen', () => {
  it('builds the same bytes from the lock alone, resolving nothing', async () => {
    const { images, fetched, request, upstream } = await workshop();
    await buildBundle(request(), upstream);
    images.resolvedReferences.length = fetched.length = 0;
    const again = request({ frozen: true, output: request().output?.replace('demo', 'again') });
    await buildBundle(again, upstream);
    expect(digestOf(await outputOf(again))).toBe(digestOf(await outputOf(request())));
    expect(images.resolvedReferences).toEqual([]);
    expect(fetched).toEqual(['http://packages.example/debian/pool/main/h/hello/hello_1.0_amd64.deb']);
  });

  it('fails without a lock', async () => {
    const { request, upstream } = await workshop();
    await expect(buildBundle(request({ frozen: true }), upstream)).rejects.toMatchObject({ code: 'LOCK_MISMATCH', exitStatus: 3 });
  });

  it('names every difference between the lock and what is asked for, and changes nothing', async () => {
    const { directory, request, upstream, write } = await workshop();
    await buildBundle(request({ planOnly: false }), upstream);
    const locked = await readFile(request().lock, 'utf8');
    await write('images.txt', 'example.com/web:2 as example.com/web:1\nexample.com/new:1\n');
    await write('caisson-linux-amd64', 'another executable');
    const manifest = await readFile(join(directory, 'manifests/os/debian-12.yaml'), 'utf8');
    await write('manifests/os/debian-12.yaml', manifest.replace('packages: [hello]', 'packages: [hello, more]'));
    await write('manifests/examples/cluster.yaml', 'new');
    const failure = await buildBundle(request({ frozen: true, platforms: amd64AndArm64 }), upstream).catch((error: unknown) => error);
    const message = failure instanceof Error ? failure.message : '';
    for (const part of [
      'platforms: asked for linux/amd64, linux/arm64, locked for linux/amd64',
      'image "example.com/web:1" comes from "example.com/web:2", locked from "example.com/web:1"',
      'image "example.com/new:1" is not in the lock',
      'image "example.com/api:1" is in the lock and not asked for',
      'packages of debian-12 for amd64 repositories, keys or package sets have changed',
      'packages of debian-12 for arm64 is not in the lock',
      'executable for linux/amd64 has sha256:',
      'file "images.txt" has changed',
      'file "manifests/examples/cluster.yaml" is not in the lock',
    ]) {
      expect(message).toContain(part);
    }
    expect(await readFile(request().lock, 'utf8')).toBe(locked);
  });
});

describe('a build that cannot succeed', () => {
  it('names every missing image, missing platform and unsolvable package at once, and leaves nothing', async () => {
    const { request, upstream, write } = await workshop({ asked: ['hello', 'no-such-package'] });
    await write('images.txt', 'example.com/web:1\nexample.com/absent:1\nexample.com/api:1\n');
    const failure = await buildBundle(request({ platforms: amd64AndArm64 }), upstream).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'BUILD_UNRESOLVED', exitStatus: 5 });
    const message = failure instanceof Error ? failure.message : '';
    expect(message).toMatch(/images\.txt:2: image "example.com\/absent:1": .*no such image/);
    expect(message).toMatch(/image "example.com\/web:1": .*does not exist for linux\/arm64/);
    expect(message).toMatch(/image "example.com\/api:1": .*does not exist for linux\/arm64/);
    expect(message).toMatch(/packages of debian-12 for amd64: [\s\S]*"no-such-package"/);
    expect(message).toMatch(/packages of debian-12 for arm64: [\s\S]*"no-such-package"/);
    expect(await leftBeside(request())).toEqual([]);
    expect(await readLock(request().lock)).toBeUndefined();
  });

  it('asks a registry that is down no more than one image would, and names it once with the lines that want it', async () => {
    const events: Event[] = [];
    const http = new HttpClient({ emit: (event) => events.push(event), sleep: async () => {} });
    const dead = `127.0.0.1:${await freePort()}`;
    const { request, upstream, write } = await workshop();
    const lines = [...Array.from({ length: 60 }, (_, index) => `${dead}/team/app:${index}`), '# more', `${dead}/team/last:1`];
    await write('images.txt', `${lines.join('\n')}\n`);
    const failure = await buildBundle(request(), { ...upstream, images: new RegistrySource({ http }) }).catch((error: unknown) => error);
    await http.close();
    expect(failure).toMatchObject({ code: 'BUILD_UNRESOLVED', failures: { length: 61 } });
    const message = failure instanceof Error ? failure.message : '';
    expect(message.split('\n').slice(1)).toEqual([
      `  61 images (${request().images[0]}, lines 1-60, 62): Cannot fetch "http://${dead}/v2/": the connection was refused`,
    ]);
    expect(events.filter(({ type }) => type === 'retry')).toHaveLength(3);
  });

  it('writes the hint of a failure beside it', async () => {
    const { images, request, upstream, write } = await workshop();
    await write('images.txt', 'example.com/web:1\nexample.com/shut:1\n');
    const resolve = images.resolve.bind(images);
    images.resolve = async (reference, options) => {
      if (!reference.includes('shut')) return resolve(reference, options);
      throw new CaissonError('AUTH_FAILED', 'Cannot log in to "example.com"', { hint: 'docker login example.com' });
    };
    await expect(buildBundle(request(), upstream)).rejects.toMatchObject({
      message: expect.stringMatching(
        /images\.txt:2: image "example\.com\/shut:1": Cannot log in to "example\.com"\n {4}docker login example\.com$/,
      ),
      hint: 'Nothing was written. Correct what is named above and run the command again',
    });
  });

  it('leaves no bundle when a download fails, but keeps what was resolved and downloaded', async () => {
    const { images, request, upstream } = await workshop();
    const blobs = new Map(web.blobs);
    blobs.delete(digestOf('web'));
    images.images.set('example.com/web:1', { ...web, blobs });
    await expect(buildBundle(request(), upstream)).rejects.toMatchObject({
      code: 'BUILD_INCOMPLETE',
      exitStatus: 5,
      hint: expect.stringContaining('goes on with what is there'),
    });
    expect((await leftBeside(request())).toSorted()).toEqual(['demo.tar.partial', 'demo.tar.partial.journal']);
    expect((await readLock(request().lock))?.images).toHaveLength(2);

    images.images.set('example.com/web:1', web);
    const opened = images.opened.length;
    await buildBundle(request(), upstream);
    expect(images.opened.slice(opened)).toEqual([digestOf('web')]);
    expect(await leftBeside(request())).not.toContain('demo.tar.partial.journal');
  });

  it('leaves no bundle when a source sends other bytes than it promised', async () => {
    const { images, request, upstream } = await workshop();
    const blobs = new Map(web.blobs).set(digestOf('web'), Buffer.from('bad'));
    images.images.set('example.com/web:1', { ...web, blobs });
    await expect(buildBundle(request(), upstream)).rejects.toThrow(/sha256:/);
    expect(await leftBeside(request())).not.toContain('demo.tar');
  });

  it('leaves nothing under the final name when it is interrupted', async () => {
    const { images, request, upstream } = await workshop();
    const controller = new AbortController();
    images.beforeOpen = async () => controller.abort(new Error('received SIGINT'));
    await expect(buildBundle(request(), { ...upstream, signal: controller.signal })).rejects.toThrow('received SIGINT');
    expect(await leftBeside(request())).toEqual([]);
  });

  it('names every executable that is missing, with the remedy', async () => {
    const { request, upstream, directory } = await workshop();
    const self = { path: join(directory, 'elsewhere/main.js'), standalone: false };
    await expect(buildBundle(request({ self, platforms: amd64AndArm64 }), upstream)).rejects.toMatchObject({
      code: 'EXECUTABLE_MISSING',
      message: expect.stringMatching(/linux\/amd64.*linux\/arm64/),
      hint: expect.stringContaining('npm run build'),
    });
  });

  it('refuses a lock that is damaged instead of overwriting it', async () => {
    const { request, upstream } = await workshop();
    await writeFile(request().lock, '{"apiVersion":"caisson.lock/v1"');
    await expect(buildBundle(request(), upstream)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    expect(existsSync(request().output ?? '')).toBe(false);
  });
});
