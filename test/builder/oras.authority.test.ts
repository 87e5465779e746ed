import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildBundle, connectUpstream, parseMirrors } from '../../src/builder/index.ts';
import { bundleBlobs, openBundle } from '../../src/bundle/index.ts';
import { fixedClock, silent, systemClock } from '../../src/core/index.ts';
import { makeRepositoryKey, startDepot } from '../../src/depot/index.ts';
import { HttpClient } from '../../src/net/index.ts';
import { parseDestination, pushBundle } from '../../src/push/index.ts';
import { endpointOf, RegistryWriter } from '../../src/registry/index.ts';
import { startDockerRegistry, type DockerRegistry } from '../support/docker-registry.ts';
import { openOras, type Oras } from '../support/oras.ts';
import { openWorkshop, type Workshop } from './workshop.ts';

const CHART = 'application/vnd.cncf.helm.config.v1+json';

describe('artifacts that oras pushed', () => {
  let oras: Oras;
  let registry: DockerRegistry;
  let workshop: Workshop;
  let bundle: string;
  const endings: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    oras = await openOras();
    registry = await startDockerRegistry();
    workshop = await openWorkshop({ images: {} });
    endings.push(
      () => registry.stop(),
      () => workshop.remove(),
    );
    const { directory } = workshop;
    await workshop.write('policy.json', '{"allow": []}');
    await workshop.write('big.bin', Buffer.alloc(3_000_000, 'some megabytes '));
    await workshop.write('config.json', '{"name":"web","version":"1.2.3","apiVersion":"v2"}');
    const to = (name: string): string => `${registry.host}/team/${name}:1.0`;
    await oras(
      directory,
      'push',
      '--plain-http',
      '--artifact-type',
      'application/vnd.example.policy',
      to('policy'),
      'policy.json',
      'big.bin',
    );
    await oras(directory, 'push', '--plain-http', '--config', `config.json:${CHART}`, to('chart'), 'policy.json');
    await workshop.write('images.txt', ['policy', 'chart'].map((name) => `registry.example/team/${name}:1.0\n`).join(''));
    const connected = await connectUpstream({
      imageLists: [join(directory, 'images.txt')],
      mirrors: parseMirrors([`registry.example=http://${registry.host}`]),
      env: {},
      clock: fixedClock(new Date('2026-01-03T00:00:00Z')),
      emit: silent,
    });
    endings.unshift(() => connected.close());
    bundle = (await buildBundle(workshop.request(), { ...workshop.upstream, images: connected.images })).output;
  }, 600_000);
  afterAll(async () => {
    for (const end of endings.splice(0)) await end();
  });

  async function digestAt(reference: string): Promise<unknown> {
    const descriptor: unknown = JSON.parse(await oras(workshop.directory, 'manifest', 'fetch', '--plain-http', '--descriptor', reference));
    return descriptor;
  }

  /** Pulls both by oras from another place, and compares descriptors and files with what was pushed. */
  async function expectPulled(place: string, name: string): Promise<void> {
    for (const one of ['policy', 'chart']) {
      expect(await digestAt(`${place}/team/${one}:1.0`)).toEqual(await digestAt(`${registry.host}/team/${one}:1.0`));
      const target = join(workshop.directory, `pulled-${name}-${one}`);
      await mkdir(target);
      await oras(target, 'pull', '--plain-http', `${place}/team/${one}:1.0`);
      const files = one === 'policy' ? ['policy.json', 'big.bin'] : ['policy.json'];
      for (const file of files)
        expect((await readFile(join(target, file))).equals(await readFile(join(workshop.directory, file))), file).toBe(true);
    }
  }

  it('are pulled by oras from the depot, with the same digests', async () => {
    const depot = await startDepot({
      bundles: [bundle],
      repositoryKey: await makeRepositoryKey(),
      host: '127.0.0.1',
      port: 0,
      emit: silent,
    });
    try {
      await expectPulled(`127.0.0.1:${depot.port}/registry.example`, 'depot');
    } finally {
      await depot.close(0);
    }
  });

  it('are pulled by oras from a registry that caisson pushed them into', async () => {
    const reader = await openBundle(bundle);
    const http = new HttpClient();
    try {
      await pushBundle(
        { images: reader.manifest.images, blobs: bundleBlobs(reader) },
        { destination: parseDestination(`${registry.host}/site`), keepDomain: false, reduceIndexes: false, planOnly: false, jobs: 4 },
        { registry: new RegistryWriter(endpointOf(registry.host, new Map()), { http }), clock: systemClock, emit: silent },
      );
      await expectPulled(`${registry.host}/site`, 'pushed');
    } finally {
      await http.close();
      await reader.close();
    }
  });

  it('are found by oras in the bundle itself, which is an image layout', async () => {
    const pushed = (await digestAt(`${registry.host}/team/policy:1.0`)) as { readonly digest: string };
    const found: unknown = JSON.parse(
      await oras(workshop.directory, 'manifest', 'fetch', '--oci-layout', '--descriptor', `${bundle}@${pushed.digest}`),
    );
    expect(found).toMatchObject({ digest: pushed.digest });
  });
});
