import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildBundle } from '../../src/builder/build-bundle.ts';
import { parsePlatform } from '../../src/core/index.ts';
import { HttpClient } from '../../src/net/index.ts';
import type { ImageSource } from '../../src/oci/index.ts';
import { openImageSource } from '../../src/sources/index.ts';
import { SAMPLE_INDEX, SAMPLES } from '../contract/image-source.ts';
import { dockerMembers, layoutMembers, tarOf, writeMembers } from '../support/image-archives.ts';
import { LoopbackRegistry } from '../support/loopback-registry.ts';
import { sampleLayer } from '../support/sample-image.ts';
import { openWorkshop, type Workshop } from './workshop.ts';

const AMD64 = parsePlatform('linux/amd64');
const ARM64 = parsePlatform('linux/arm64');

let workshop: Workshop;
let registry: LoopbackRegistry;
let http: HttpClient;
let images: ImageSource;

beforeEach(async () => {
  workshop = await openWorkshop({ images: {} });
  registry = await LoopbackRegistry.start();
  http = new HttpClient();
  images = openImageSource({ http, directory: workshop.directory });
});
afterEach(async () => {
  await images.close();
  await http.close();
  await registry.close();
  await workshop.remove();
});

const upstream = (): Workshop['upstream'] => ({ ...workshop.upstream, images });

describe('a bundle for several platforms', () => {
  it('holds the index and both images, from a registry, a layout and an archive alike', async () => {
    registry.put('team/app', '1', SAMPLE_INDEX);
    await writeMembers(join(workshop.directory, 'layout'), layoutMembers([{ name: '1', document: SAMPLE_INDEX }]));
    await writeFile(join(workshop.directory, 'x.tar'), tarOf(layoutMembers([{ document: SAMPLE_INDEX }])));
    const names = ['r.example/registry:1', 'r.example/layout:1', 'r.example/archive:1'];
    const sources = [`${registry.host}/team/app:1`, 'oci:layout:1', 'oci-archive:x.tar'];
    await workshop.write('images.txt', sources.map((source, index) => `${source} as ${names[index]}\n`).join(''));
    const both = ['amd64', 'arm64'].map((name) => `linux/${name}=${join(workshop.directory, `caisson-linux-${name}`)}`);
    const { plan } = await buildBundle(workshop.request({ platforms: [AMD64, ARM64], executables: both }), upstream());
    expect(plan.manifest.images.map(({ name }) => name)).toEqual(names.toSorted());
    for (const { root, platforms } of plan.manifest.images) {
      expect(root).toEqual(SAMPLE_INDEX.descriptor);
      expect(platforms.map(({ platform, manifest }) => [platform, manifest.digest])).toEqual([
        ['linux/amd64', SAMPLES.amd64.descriptor.digest],
        ['linux/arm64', SAMPLES.arm64.descriptor.digest],
      ]);
    }
  });
});

describe('a bundle from a docker archive', () => {
  const write = (seed: string): Promise<void> =>
    writeFile(join(workshop.directory, 'x.tar'), tarOf(dockerMembers([{ names: ['team/app:1'], layers: [sampleLayer(seed)] }])));

  it('is the same, byte for byte, from the lock and the same archive, and refused from another', async () => {
    await workshop.write('images.txt', 'docker-archive:x.tar:team/app:1\n');
    await write('one');
    const { output, lock } = await buildBundle(workshop.request(), upstream());
    const { root } = lock.images[0] ?? {};
    expect(lock.images[0]).toMatchObject({
      source: 'docker-archive:x.tar:docker.io/team/app:1',
      name: 'docker.io/team/app:1',
      origin: `docker-archive:x.tar:docker.io/team/app:1@${root?.digest}`,
    });
    const again = join(workshop.directory, 'again.tar');
    await buildBundle(workshop.request({ frozen: true, output: again }), upstream());
    expect((await readFile(again)).equals(await readFile(output))).toBe(true);

    await images.close();
    await write('two');
    images = openImageSource({ http, directory: workshop.directory });
    const refused = workshop.request({ frozen: true, output: join(workshop.directory, 'refused.tar') });
    await expect(buildBundle(refused, upstream())).rejects.toMatchObject({
      code: 'BUILD_INCOMPLETE',
      message: expect.stringMatching(/x\.tar".*\n.*--update/),
    });
  });
});
