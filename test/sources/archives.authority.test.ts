import { copyFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildBundle } from '../../src/builder/build-bundle.ts';
import { digestOf, parsePlatform, type Event } from '../../src/core/index.ts';
import { HttpClient } from '../../src/net/index.ts';
import type { ImageSource } from '../../src/oci/index.ts';
import { openImageSource } from '../../src/sources/index.ts';
import { openWorkshop, type Workshop } from '../builder/workshop.ts';
import { bytesOf, SAMPLE_INDEX } from '../contract/image-source.ts';
import { ask } from '../support/ask.ts';
import { dockerEngine, type Engine } from '../support/docker-engine.ts';
import { layoutMembers, writeMembers } from '../support/image-archives.ts';
import { sampleImage, sampleLayer } from '../support/sample-image.ts';

const AMD64 = { platforms: [parsePlatform('linux/amd64')] };
const SHARED = sampleLayer('authority-shared', 500_000);
const ONE = sampleImage([SHARED, sampleLayer('authority-one')]);
/** The shared layer lies on another one here: then Docker 20.10 writes a link for it. */
const TWO = sampleImage([sampleLayer('authority-two'), SHARED]);
const NAMES = ['caisson-test/sources-one:1', 'caisson-test/sources-two:1'] as const;

let directory: string;
let engine: Engine;
let http: HttpClient;
let source: ImageSource;
const events: Event[] = [];

/** One layout that skopeo copies from into everything that it can write. */
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'caisson-authority-'));
  engine = await dockerEngine();
  http = new HttpClient();
  source = openImageSource({ http, directory, env: { DOCKER_HOST: engine.host }, emit: (event) => events.push(event) });
  await writeMembers(
    join(directory, 'samples'),
    layoutMembers([
      { name: 'one', document: ONE },
      { name: 'index', document: SAMPLE_INDEX },
    ]),
  );
  const copy = (from: string, to: string, ...flags: readonly string[]): Promise<unknown> =>
    ask(directory, 'skopeo', 'copy', '--insecure-policy', '--quiet', ...flags, from, to);
  await copy('oci:samples:one', 'oci:layout:one');
  await copy('oci:samples:index', 'oci:layout:index', '--all');
  await copy('oci:samples:one', 'oci-archive:layout.tar:one');
  await copy('oci:samples:one', `docker-archive:docker.tar:${NAMES[0]}`);
  await engine.docker(['load', '-i', join(directory, 'docker.tar')]);
  await writeMembers(join(directory, 'two'), layoutMembers([{ name: 'two', document: TWO }]));
  await copy('oci:two:two', `docker-archive:two.tar:${NAMES[1]}`);
  await engine.docker(['load', '-i', join(directory, 'two.tar')]);
  await engine.docker(['save', '-o', join(directory, 'saved.tar'), ...NAMES]);
  await ask(directory, 'gzip', '--keep', 'saved.tar');
});

afterAll(async () => {
  await source.close();
  await http.close();
  await engine.docker(['image', 'rm', '--force', ...NAMES], { expect: 'any' });
  await rm(directory, { recursive: true, force: true });
});

async function skopeo(reference: string): Promise<{ readonly Digest: string; readonly Layers: readonly string[] }> {
  return JSON.parse((await ask(directory, 'skopeo', 'inspect', reference)).stdout);
}

describe('what skopeo wrote', () => {
  it.each(['oci:layout:one', 'oci-archive:layout.tar:one'])('is resolved from %s to the digest that skopeo gives it', async (reference) => {
    const { root, manifests } = await source.resolve(reference, AMD64);
    const said = await skopeo(reference);
    expect(root.digest).toBe(said.Digest);
    expect(manifests[0]?.layers.map(({ digest }) => digest)).toEqual(said.Layers);
  });

  it('is resolved as an index with its digest when it has several platforms', async () => {
    const platforms = [parsePlatform('linux/amd64'), parsePlatform('linux/arm64')];
    const { root } = await source.resolve('oci:layout:index', { platforms });
    expect(root.digest).toBe(SAMPLE_INDEX.descriptor.digest);
    const { stdout } = await ask(directory, 'skopeo', 'inspect', '--raw', 'oci:layout:index');
    expect(root.digest).toBe(digestOf(stdout));
  });

  it('has the layers that skopeo sees in a docker archive', async () => {
    const reference = `docker-archive:docker.tar:${NAMES[0]}`;
    const { manifests } = await source.resolve(reference, AMD64);
    expect(manifests[0]?.layers.map(({ digest }) => digest)).toEqual((await skopeo(reference)).Layers);
  });
});

describe('the Docker engine', () => {
  it('gives an image the same digest as its docker save, plain, compressed, and as skopeo wrote it', async () => {
    for (const name of NAMES) {
      const { root, manifests } = await source.resolve(`docker:${name}`, AMD64);
      for (const file of ['saved.tar', 'saved.tar.gz']) {
        expect((await source.resolve(`docker-archive:${file}:${name}`, AMD64)).root, file).toEqual(root);
      }
      const id = (await engine.docker(['image', 'inspect', '--format', '{{.Id}}', name])).stdout.trim();
      expect(manifests[0]?.config.digest).toBe(id);
    }
    const [name] = NAMES;
    expect((await source.resolve(`docker:${name}`, AMD64)).root).toEqual(
      (await source.resolve(`docker-archive:docker.tar:${name}`, AMD64)).root,
    );
  });

  it('writes links for layers that images share, which are followed', async () => {
    const { stdout } = await ask(directory, 'tar', '-tvf', 'saved.tar');
    expect(stdout).toMatch(/layer\.tar -> \.\.\//);
    const reference = `docker-archive:saved.tar:${NAMES[1]}`;
    const { manifests } = await source.resolve(reference, AMD64);
    for (const layer of manifests[0]?.layers ?? []) {
      expect(digestOf(await bytesOf(await source.openBlob(reference, layer)))).toBe(layer.digest);
    }
    expect(manifests[0]?.layers[1]?.digest).toBe(digestOf(SHARED.tar));
  });

  it('is said not to have an image that it does not have, and not to answer where there is none', async () => {
    await expect(source.resolve('docker:caisson-test/none:1', AMD64)).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
    const nobody = openImageSource({ http, directory, env: { DOCKER_HOST: `unix://${join(directory, 'none.sock')}` } });
    await expect(nobody.resolve('docker:app:1', AMD64)).rejects.toMatchObject({
      code: 'FETCH_FAILED',
      message: expect.stringContaining('no engine answers there'),
      hint: expect.stringContaining('DOCKER_HOST'),
    });
    const remote = openImageSource({ http, directory, env: { DOCKER_HOST: 'ssh://somewhere' } });
    await expect(remote.resolve('docker:app:1', AMD64)).rejects.toMatchObject({ code: 'USAGE' });
  });
});

describe('a bundle of images from this machine', () => {
  let workshop: Workshop;
  const bundled = {
    engine: 'registry.example/engine:1',
    layout: 'registry.example/layout:1',
    archive: 'registry.example/archive:1',
    docker: 'registry.example/docker:1',
  };
  let output: string;

  beforeAll(async () => {
    workshop = await openWorkshop({ images: {} });
    const lines = [
      `docker:${NAMES[0]} as ${bundled.engine}`,
      `oci:layout:one as ${bundled.layout}`,
      `oci-archive:layout.tar:one as ${bundled.archive}`,
      `docker-archive:saved.tar.gz:${NAMES[1]} as ${bundled.docker}`,
    ];
    await workshop.write('images.txt', lines.join('\n'));
    ({ output } = await buildBundle(workshop.request(), { ...workshop.upstream, images: source }));
  });
  afterAll(async () => {
    await engine.docker(['image', 'rm', '--force', ...Object.values(bundled)], { expect: 'any' });
    await workshop.remove();
  });

  it('shows skopeo the digests that were resolved', async () => {
    const asked = [
      [`docker:${NAMES[0]}`, bundled.engine],
      ['oci:layout:one', bundled.layout],
      ['oci-archive:layout.tar:one', bundled.archive],
      [`docker-archive:saved.tar.gz:${NAMES[1]}`, bundled.docker],
    ] as const;
    for (const [reference, name] of asked) {
      expect((await skopeo(`oci-archive:${output}:${name}`)).Digest).toBe((await source.resolve(reference, AMD64)).root.digest);
    }
  });

  it('is loaded by docker, with the image IDs that the engine had', async () => {
    const { stdout } = await engine.docker(['load', '-i', output]);
    expect(stdout.trimEnd().split('\n').toSorted()).toEqual(
      Object.values(bundled)
        .map((name) => `Loaded image: ${name}`)
        .toSorted(),
    );
    const id = async (name: string): Promise<string> => (await engine.docker(['image', 'inspect', '--format', '{{.Id}}', name])).stdout;
    expect(await id(bundled.engine)).toBe(await id(NAMES[0]));
    expect(await id(bundled.docker)).toBe(await id(NAMES[1]));
  });

  it('is the same, byte for byte, when it is built again from the lock', async () => {
    const again = join(workshop.directory, 'again.tar');
    const other = openImageSource({ http, directory, env: { DOCKER_HOST: engine.host } });
    const changes = { frozen: true, output: again };
    await buildBundle(workshop.request(changes), { ...workshop.upstream, images: other });
    await other.close();
    await ask(workshop.directory, 'cmp', output, again);
  });

  it('is refused from the lock when the archive has become another', async () => {
    await copyFile(join(directory, 'docker.tar'), join(directory, 'saved.tar.gz'));
    const other = openImageSource({ http, directory, env: { DOCKER_HOST: engine.host } });
    const changes = { frozen: true, output: join(workshop.directory, 'refused.tar') };
    await expect(buildBundle(workshop.request(changes), { ...workshop.upstream, images: other })).rejects.toMatchObject({ exitStatus: 5 });
    await other.close();
    expect(await readdir(workshop.directory)).not.toContain('refused.tar');
  });
});
